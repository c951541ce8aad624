"""Files that come in segments. States: 0 error, 1 uploading, 2 to 4 on the way, 5 finished, 6 abandoned."""

from dataclasses import dataclass, field
from pathlib import Path

from tests.simulators.cablecast.fields import Refused
from tests.simulators.cablecast.files import Files
from tests.simulators.cablecast.world import Row, World

ERROR, UPLOADING, COMPLETE, FINISHED, ABANDONED = 0, 1, 2, 5, 6


@dataclass(slots=True)
class _Bytes:
    segments: dict[int, bytes] = field(default_factory=dict)
    touched: float = 0.0
    due: float | None = None


class Uploads:
    """Every upload's segments and its way into a store."""

    def __init__(self, world: World, files: Files) -> None:
        self._world = world
        self._files = files
        self._bytes: dict[int, _Bytes] = {}

    def begin(self, row: Row) -> None:
        self._bytes[row["id"]] = _Bytes(touched=self._world.clock.now())

    def check_name(self, name: str, store: int) -> None:
        """Raises Refused for a name that would leave the store, or is taken where that is refused."""
        if not name.strip() or "/" in name or "\\" in name or ".." in name or name.startswith("."):
            raise Refused(self._world.switches.validation_status, "The fileName is not a plain file name.")
        folder = self._files.stores[store].folder
        if self._world.switches.upload_same_name == "409" and (folder / name).exists():
            raise Refused(409, f"A file named {name} already exists.")

    def segment(self, row: Row, number: int, data: bytes) -> None:
        """Take one segment; a repeat replaces the first. Raises Refused."""
        if row["state"] != UPLOADING:
            raise Refused(409, f"The upload is in state {row['state']} and takes no segment.")
        if not 0 <= number < row["totalSegments"]:
            raise Refused(self._world.switches.validation_status, f"There is no segment {number}.")
        held = self._bytes[row["id"]]
        held.segments[number] = data
        held.touched = self._world.clock.now()

    def finish(self, row: Row) -> None:
        """PUT state 2: every segment is there and they add up, or it has failed."""
        if row["state"] != UPLOADING:
            raise Refused(409, f"The upload is in state {row['state']}.")
        held = self._bytes[row["id"]]
        missing = [n for n in range(row["totalSegments"]) if n not in held.segments]
        if missing or sum(map(len, held.segments.values())) != row["size"]:
            row["state"] = ERROR
            return
        row["state"] = COMPLETE
        held.due = self._world.clock.now() + self._world.switches.upload_step_s

    def next_due(self) -> float | None:
        dues = []
        for key, held in self._bytes.items():
            if held.due is not None:
                dues.append(held.due)
            elif self._world.rows["fileuploads"][key]["state"] == UPLOADING:
                dues.append(held.touched + self._world.switches.upload_idle_s)
        return min(dues, default=None)

    def settle(self, now: float) -> None:
        for key, held in list(self._bytes.items()):
            row = self._world.rows["fileuploads"][key]
            if row["state"] == UPLOADING and held.touched + self._world.switches.upload_idle_s <= now:
                row["state"] = ABANDONED
                held.segments.clear()
            elif held.due is not None and held.due <= now:
                row["state"] += 1
                row["lastModified"] = self._world.clock.iso(held.due)
                held.due = None if row["state"] == FINISHED else held.due + self._world.switches.upload_step_s
                if row["state"] == FINISHED:
                    self._land(row, held)

    def _land(self, row: Row, held: _Bytes) -> None:
        store = self._files.stores[row["destinationStore"]]
        target = store.folder / row["fileName"]
        if target.exists() and self._world.switches.upload_same_name == "suffix":
            target = _free(target)
        part = target.with_name(f".{target.name}.part")
        try:
            part.write_bytes(b"".join(held.segments[n] for n in range(row["totalSegments"])))
            part.replace(target)
        except OSError:  # the store is full or away
            row["state"] = ERROR
            return
        held.segments.clear()
        row["asset"] = self._files.touch(store, target.name).id


def _free(taken: Path) -> Path:
    number = 1
    while (path := taken.with_name(f"{taken.stem} ({number}){taken.suffix}")).exists():
        number += 1
    return path
