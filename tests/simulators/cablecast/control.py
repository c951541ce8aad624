"""The second port: what a test does to the station and asks of it. Never reached by the product."""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from tests.simulators.cablecast import invariants, media, seeds
from tests.simulators.cablecast.messages import Later, Request, Response, json_answer
from tests.simulators.cablecast.server import Server
from tests.simulators.cablecast.station import Station


class Control:
    """The application of the control port: `/__sim/…`, JSON in, JSON out, 400 with words where it cannot be."""

    def __init__(self, station: Station, server: Server) -> None:
        self.station = station
        self.server = server

    def receive(self, request: Request) -> Response | Later:
        words = [word for word in request.path.split("/") if word]
        if not words or words[0] != "__sim":
            return json_answer(404, {"error": "control calls begin with /__sim"})
        name = "_".join([request.method.lower(), *(word for word in words[1:] if not word.isdigit())])
        call: Callable[..., Any] | None = getattr(self, f"do_{name}", None)
        if call is None:
            return json_answer(404, {"error": f"there is no {request.method} {request.path}"})
        ids = [int(word) for word in words[1:] if word.isdigit()]
        try:
            said = json.loads(request.body) if request.body else {}
            return json_answer(200, call(said, *ids) if request.method != "GET" else call(dict(request.query), *ids))
        except (ValueError, KeyError, TypeError, OSError) as exc:
            return json_answer(400, {"error": f"{type(exc).__name__}: {exc}"})

    def do_post_reset(self, said: dict[str, Any]) -> dict[str, Any]:
        """Everything new. files: also take away what lies in the stores."""
        if said.get("files"):
            for store in self.station.files.stores.values():
                for path in store.folder.iterdir():
                    if path.is_file():
                        path.unlink()
        self.station.reset()
        self.server.most = None
        return {}

    def do_post_seed(self, said: dict[str, Any]) -> dict[str, Any]:
        made = seeds.plant(self.station, said)
        self.station.look()
        return made

    def do_post_switches(self, said: dict[str, Any]) -> dict[str, Any]:
        self.station.switches.set(said)
        return {}

    def do_get_clock(self, said: dict[str, Any]) -> dict[str, Any]:
        clock = self.station.clock
        return {"now": clock.now(), "iso": clock.iso(), "speed": clock.speed}

    def do_post_clock(self, said: dict[str, Any]) -> dict[str, Any]:
        """advance: virtual seconds; auto: virtual seconds in a real one, 0 to stop."""
        if "auto" in said:
            self.station.look()
            self.station.clock.run(float(said["auto"]))
        if "advance" in said:
            self.station.advance(float(said["advance"]))
        return self.do_get_clock({})

    def do_get_faults(self, said: dict[str, Any]) -> dict[str, Any]:
        rules = [{"action": r.action, "path": r.path, "fired": r.fired} for r in self.station.faults.rules]
        return {"rules": rules}

    def do_post_faults(self, said: dict[str, Any]) -> dict[str, Any]:
        """A rule, or `{"rules": […]}`; accept_stall and max_connections stand until they are lifted."""
        for rule in said.get("rules", [said]):
            if rule.get("action") == "accept_stall":
                self.server.stall(float(rule["seconds"]))
                self.station.faults.counts["accept_stall"] += 1
            elif rule.get("action") == "max_connections":
                self.server.most = rule.get("most", 8)
            else:
                self.station.faults.add(rule)
        return {}

    def do_delete_faults(self, said: dict[str, Any]) -> dict[str, Any]:
        self.station.faults.clear()
        self.server.most = None
        return {}

    def do_get_faults_count(self, said: dict[str, Any]) -> dict[str, Any]:
        return dict(self.station.faults.counts)

    def do_get_store(self, said: dict[str, Any]) -> dict[str, Any]:
        self.station.look()
        found: dict[str, list[dict[str, Any]]] = {store.name: [] for store in self.station.files.stores.values()}
        for asset in self.station.files.assets.values():
            if asset.is_there:
                row = {
                    "id": asset.id,
                    "name": asset.name,
                    "status": asset.status,
                    "size": asset.size,
                    "kind": asset.kind,
                }
                found[asset.store.name].append({**row, "problem": asset.problem, "sidecar": asset.twin is not None})
        return found

    def do_post_store(self, said: dict[str, Any]) -> dict[str, Any]:
        """Put a file into a store as a person would: text, base64, or a recording of length_s."""
        path = self.station.files.store_named(said["store"]).folder / said["name"]
        if "text" in said:
            data = said["text"].encode()
        elif "base64" in said:
            try:
                data = base64.b64decode(said["base64"], validate=True)
            except binascii.Error as exc:
                raise ValueError(f"base64: {exc}") from exc
        else:
            data = media.stub(float(said["length_s"]), said["name"])
        path.write_bytes(data)
        self.station.files.scan(whole=True)
        return {"path": str(path)}

    def do_delete_store(self, said: dict[str, Any]) -> dict[str, Any]:
        (self.station.files.store_named(said["store"]).folder / said["name"]).unlink()
        self.station.files.scan(whole=True)
        return {}

    def do_post_vods(self, said: dict[str, Any], vod: int) -> dict[str, Any]:
        """Force a state; other words are fields of the vod, `errorMessage` first of all."""
        self.station.look()
        self.station.machine.force(self.station.world.rows["vods"][vod], said.pop("state"), **said)
        return {}

    def do_post_vods_retry(self, said: dict[str, Any], vod: int) -> dict[str, Any]:
        self.station.look()
        self.station.machine.retry(self.station.world.rows["vods"][vod])
        return {}

    do_post_vods_retranscode = do_post_vods_retry

    def do_get_journal(self, said: dict[str, Any]) -> dict[str, Any]:
        return {"entries": self.station.journal.as_json(int(said.get("since", 0)))}

    def do_post_invariants(self, said: dict[str, Any]) -> dict[str, Any]:
        self.station.look()
        found = invariants.check(self.station, **said)
        return {
            "violations": [{"rule": one.rule, "sentence": one.sentence} for one in found],
            "duplicated_by_fault": [[collection, key] for collection, key in sorted(self.station.duplicated)],
        }

    def do_get_objects(self, said: dict[str, Any]) -> dict[str, Any]:
        """The rows of a collection as they are stored, or how many each has."""
        self.station.look()
        if "collection" not in said:
            return {name: len(rows) for name, rows in self.station.world.rows.items()}
        collection, views = said["collection"], self.station.views
        return {collection: [views.of(collection, row, "") for row in self.station.world.rows[collection].values()]}

    def do_get_connections(self, said: dict[str, Any]) -> dict[str, Any]:
        return {
            "open": len(self.server.open),
            "peak": self.server.peak,
            "total": self.server.total,
            "refused": self.server.refused,
        }
