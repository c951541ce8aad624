"""What tests use: the simulator as a real process on ports of its own, and a hand on its controls."""

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

_START_S = 20.0  # longest a start may take on a busy machine


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that a client did not keep: the rule's name and a sentence."""

    rule: str
    sentence: str


class NotDone(Exception):
    """The simulator refused what a test asked of it. The message says why."""


class Control:
    """The control port. Everything takes and gives plain JSON data."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/__sim/", timeout=30, trust_env=False, verify=False)

    async def call(self, method: str, path: str, data: Any = None, **query: Any) -> Any:
        """Any control call. Raises NotDone."""
        answer = await self._http.request(method, path, json=data, params=query or None)
        if answer.status_code != 200:
            raise NotDone(answer.json().get("error", answer.text))
        return answer.json()

    async def close(self) -> None:
        await self._http.aclose()

    async def reset(self, *, files: bool = True) -> None:
        """Everything as at the start; `files` also empties the stores."""
        await self.call("POST", "reset", {"files": files})

    async def seed(self, **collections: Any) -> dict[str, list[int]]:
        """Plant objects, `shows=[{…}]`; their ids by collection."""
        return await self.call("POST", "seed", collections)  # type: ignore[no-any-return]

    async def switch(self, **switches: Any) -> None:
        await self.call("POST", "switches", switches)

    async def now(self) -> float:
        """Virtual seconds since 1970."""
        return float((await self.call("GET", "clock"))["now"])

    async def advance(self, seconds: float) -> None:
        await self.call("POST", "clock", {"advance": seconds})

    async def auto(self, speed: float) -> None:
        """Virtual seconds in a real one from now on; 0 stops the clock."""
        await self.call("POST", "clock", {"auto": speed})

    async def fault(self, action: str, **rule: Any) -> None:
        """One more rule behind those that stand. `accept_stall` and `max_connections` are of the whole server."""
        await self.call("POST", "faults", {"action": action, **rule})

    async def random_faults(self, **odds: Any) -> None:
        await self.call("POST", "faults", {"random": odds})

    async def no_faults(self) -> None:
        await self.call("DELETE", "faults")

    async def fault_counts(self) -> dict[str, int]:
        """How many faults of each kind met a request so far."""
        return await self.call("GET", "faults/count")  # type: ignore[no-any-return]

    async def put_file(self, store: str, name: str, **content: Any) -> Path:
        """A file as a person would drop it: text=, base64= or length_s=."""
        return Path((await self.call("POST", "store", {"store": store, "name": name, **content}))["path"])

    async def remove_file(self, store: str, name: str) -> None:
        await self.call("DELETE", "store", {"store": store, "name": name})

    async def store(self) -> dict[str, list[dict[str, Any]]]:
        """What lies in each store, as the server sees it."""
        return await self.call("GET", "store")  # type: ignore[no-any-return]

    async def force_vod(self, vod: int, state: str, **fields: Any) -> None:
        """Put a VOD into a state, where it stays."""
        await self.call("POST", f"vods/{vod}", {"state": state, **fields})

    async def retry(self, vod: int) -> None:
        """The operator's button Retry."""
        await self.call("POST", f"vods/{vod}/retry", {})

    async def retranscode(self, vod: int) -> None:
        """The operator's button Retranscode."""
        await self.call("POST", f"vods/{vod}/retranscode", {})

    async def journal(self, since: int = 0) -> list[dict[str, Any]]:
        return (await self.call("GET", "journal", since=since))["entries"]  # type: ignore[no-any-return]

    async def invariants(self, **bounds: Any) -> list[Violation]:
        """What the callers did that nobody may do; empty is good. See `invariants.Bounds`."""
        found = await self.call("POST", "invariants", bounds)
        return [Violation(**one) for one in found["violations"]]

    async def duplicated(self) -> list[tuple[str, int]]:
        """Objects that exist twice because of a `duplicate` fault: collection and id of the second."""
        return [(name, key) for name, key in (await self.call("POST", "invariants", {}))["duplicated_by_fault"]]

    async def objects(self, collection: str) -> list[dict[str, Any]]:
        """Every object of a collection, as an authenticated reader would see it."""
        return (await self.call("GET", "objects", collection=collection))[collection]  # type: ignore[no-any-return]

    async def counts(self) -> dict[str, int]:
        """How many objects each collection has."""
        return await self.call("GET", "objects")  # type: ignore[no-any-return]

    async def connections(self) -> dict[str, int]:
        """open, peak, total and refused ones of the station's port."""
        return await self.call("GET", "connections")  # type: ignore[no-any-return]


class Simulator:
    """A running simulator. `async with Simulator.start(…) as sim`, or `await Simulator.launch(…)` and `close()`."""

    def __init__(self, process: asyncio.subprocess.Process, where: dict[str, Any], log: Path) -> None:
        self._process = process
        self._log = log
        self.pid = process.pid
        self.port: int = where["port"]
        self.url: str = where["url"]
        self.api: str = f"{self.url}/CablecastAPI/v1"
        self.stores = Path(where["stores"])
        self.ca_bundle = Path(where["ca_bundle"]) if where["ca_bundle"] else None
        self.control_url = f"http://127.0.0.1:{where['control_port']}"
        self.control = Control(self.control_url)

    @classmethod
    @asynccontextmanager
    async def start(cls, profile: str = "modern", **options: Any) -> AsyncIterator["Simulator"]:
        """A simulator that ends with the block. Options as on the command line: stores, speed, start, tls, user."""
        sim = await cls.launch(profile, **options)
        try:
            yield sim
        finally:
            await sim.close()

    @classmethod
    async def launch(cls, profile: str = "modern", **options: Any) -> "Simulator":
        """Raises NotDone where it does not come up."""
        command = [sys.executable, "-m", "tests.simulators.cablecast", "--until-stdin-ends", "--profile", profile]
        for name, value in options.items():
            for one in value if isinstance(value, list | tuple) else [value]:
                if one is True:
                    command.append(f"--{name.replace('_', '-')}")
                elif one not in (None, False):
                    command += [f"--{name.replace('_', '-')}", str(one)]
        with tempfile.NamedTemporaryFile(prefix="cablecast-", suffix=".log", delete=False) as errors:
            log = Path(errors.name)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=Path(__file__).parents[3],
            )
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
            return cls(process, json.loads(line), log)
        except (TimeoutError, ValueError) as exc:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            said = log.read_text(errors="replace")
            log.unlink(missing_ok=True)
            raise NotDone(f"the simulator did not start: {said}") from exc

    def store(self, name: str) -> Path:
        """The folder of a store."""
        return self.stores / name

    def log(self) -> str:
        """What the process complained of; empty when all is well."""
        return self._log.read_text(errors="replace")

    async def close(self) -> None:
        await self.control.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        said = self.log()
        self._log.unlink(missing_ok=True)
        # A bug of the simulator must not pass for a fault of the product.
        if "Traceback" in said:
            raise NotDone(f"the simulator failed: {said}")

    async def __aenter__(self) -> "Simulator":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
