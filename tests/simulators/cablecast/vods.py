"""The VOD machine: from a show with files to something a viewer can watch.

    waiting -> queued        its files are valid and its reels have a length
    queued -> processing     a slot takes it; slots go round all queued VODs, one variant each
    processing -> partial    the first variant is there: watchable, and its captions are cut from the sidecars now
    partial -> complete      all four variants

Nothing happens between two calls: `settle` plays what was due up to a moment, in the order of time.
"""

from dataclasses import dataclass, field

from tests.simulators.cablecast.cea608 import Cue
from tests.simulators.cablecast.files import Asset, Files
from tests.simulators.cablecast.world import Row, World

VARIANTS = ("1080", "720", "480", "360")
STATES = (
    "unknown", "queued", "processing", "partial", "complete", "error", "permanentFailure", "disabled", "waiting",
)  # fmt: skip
# Only 5 is known from outside (ready); the other numbers are this server's own.
_TRANSACTION = {
    "unknown": 0, "waiting": 1, "queued": 2, "processing": 3, "partial": 4, "complete": 5, "error": 6,
    "permanentFailure": 7, "disabled": 8,
}  # fmt: skip
_WORDS = {
    "waiting": "Waiting for valid files",
    "queued": "Queued",
    "processing": "Transcoding",
    "partial": "Transcoding",
    "complete": "Complete",
    "error": "Failed",
    "permanentFailure": "Failed permanently",
}


@dataclass(slots=True)
class Work:
    """What the machine knows of one VOD beyond its row. `done`: variants made since it was last queued."""

    done: int = 0
    cues: tuple[Cue, ...] | None = None
    media: list[Asset] = field(default_factory=list)
    folder: str | None = None
    watchable: bool = False


@dataclass(slots=True)
class _Slot:
    vod: int
    began: float
    ends: float


class Machine:
    """All VODs of the station. Times are virtual seconds."""

    def __init__(self, world: World, files: Files) -> None:
        self._world = world
        self._files = files
        self.work: dict[int, Work] = {}
        self._notify: list[int] = []
        self._busy: list[_Slot] = []

    # Called by the endpoints and by the control port

    def add(self, vod: Row) -> None:
        """A VOD was ordered."""
        self.work[vod["id"]] = Work()
        vod["vodStatus"] = vod["id"]
        self._move(vod, "waiting", self._world.clock.now())
        self.wake(self._world.clock.now())

    def wake(self, now: float) -> None:
        """Something changed that a waiting VOD may have waited for."""
        for vod in self._rows():
            if vod["vodState"] == "waiting" and not self.missing(vod):
                self._queue(vod, now)
        self._start(now)

    def missing(self, vod: Row) -> str | None:
        """Why a VOD has to wait, in the vendor's kind of words; None where it need not."""
        reels = self._world.reels_of(vod["show"])
        if not reels:
            return "The show has no reels."
        for reel in reels:
            if reel["length"] == 0:
                return f"Reel {reel['reelNumber']} is not properly timed."
            asset = self._files.of_reel(reel)
            if asset is None or asset.status != "valid":
                return f"Reel {reel['reelNumber']} has no valid file."
        return None

    def force(self, vod: Row, state: str, **more: object) -> None:
        """Put a VOD into a state, where it stays until it is retried, retranscoded or forced elsewhere."""
        if state not in STATES and state != "paused":
            raise ValueError(f"there is no state {state}")
        if unknown := set(more) - set(vod):
            raise ValueError(f"a vod has no {', '.join(sorted(unknown))}")
        now, key = self._world.clock.now(), vod["id"]
        self._drop(key)
        work = self.work[key]
        if state in ("partial", "complete"):
            work.done = len(VARIANTS) if state == "complete" else max(1, work.done)
            self._cut(vod, now)
        self._move(vod, state, now)
        vod["_held"] = "percentComplete" in more
        vod.update(more)
        self._start(now)

    def retry(self, vod: Row) -> None:
        """What the Retry and Retranscode buttons do: from the first variant again."""
        self._drop(vod["id"])
        vod["errorMessage"], vod["_held"] = None, False
        now = self._world.clock.now()
        self._move(vod, "waiting", now)
        self.wake(now)

    def disable(self, vod: Row) -> None:
        """After PUT `disabled`: unlisted, or back to where it was."""
        if vod["disabled"] and vod["vodState"] != "disabled":
            was = vod["vodState"]
            self._move(vod, "disabled", self._world.clock.now())
            vod["_was"] = was
        elif not vod["disabled"] and vod["vodState"] == "disabled":
            self._move(vod, vod.pop("_was", "waiting"), self._world.clock.now())
            self.wake(self._world.clock.now())

    def forget(self, key: int) -> None:
        self._drop(key)
        self.work.pop(key, None)

    def refresh(self, sidecar: Asset, now: float) -> None:
        """A sidecar came or changed: the captions of finished VODs are made anew, or not, by the switch."""
        if self._world.switches.late_sidecar != "refresh" or sidecar.twin is None:
            return
        reel = self._files.reel_of(sidecar.twin)
        if reel is None:
            return
        for vod in self._world.vods_of(reel["show"]):
            if self.work[vod["id"]].watchable:
                self._cut(vod, now)

    # Time

    def next_due(self) -> float | None:
        return min((slot.ends for slot in self._busy), default=None)

    def settle(self, now: float) -> None:
        """Finish every variant whose time has come."""
        for slot in [slot for slot in self._busy if slot.ends <= now]:
            self._busy.remove(slot)
            vod = self._world.rows["vods"].get(slot.vod)
            if vod is None:
                continue
            work = self.work[slot.vod]
            work.done += 1
            if work.done == 1:
                self._cut(vod, slot.ends)
            if work.done < len(VARIANTS):
                self._move(vod, "partial", slot.ends)
                self._notify.append(slot.vod)
            else:
                self._move(vod, "complete", slot.ends)
            self._start(slot.ends)

    def progress(self, vod: Row, now: float) -> tuple[float, float]:
        """Percent of the whole and of the variant that is being made."""
        work = self.work[vod["id"]]
        slot = next((slot for slot in self._busy if slot.vod == vod["id"]), None)
        part = 0.0
        if slot is not None and slot.ends > slot.began:
            part = min(1.0, max(0.0, (now - slot.began) / (slot.ends - slot.began)))
        return round((work.done + part) / len(VARIANTS) * 100, 1), round(part * 100, 1)

    # Within

    def _rows(self) -> list[Row]:
        return list(self._world.rows["vods"].values())

    def _queue(self, vod: Row, now: float) -> None:
        self.work[vod["id"]].done, vod["_held"] = 0, False
        self._notify.append(vod["id"])
        self._move(vod, "queued", now)

    def _start(self, now: float) -> None:
        while self._notify and len(self._busy) < self._world.switches.slots:
            vod = self._world.rows["vods"].get(self._notify.pop(0))
            if vod is None:
                continue
            length = self._world.run_time(vod["show"])
            self._busy.append(_Slot(vod["id"], now, now + length / self._world.switches.transcode_speed))
            if vod["vodState"] == "queued":
                self._move(vod, "processing", now)

    def _drop(self, key: int) -> None:
        self._notify = [other for other in self._notify if other != key]
        self._busy = [slot for slot in self._busy if slot.vod != key]

    def _cut(self, vod: Row, now: float) -> None:
        """Make what is watched: the files, and the captions of their sidecars as these are now."""
        work = self.work[vod["id"]]
        work.watchable = True
        work.media, joined, earlier_ms, found = [], [], 0, False
        for reel in self._world.reels_of(vod["show"]):
            asset = self._files.of_reel(reel)
            if asset is not None:
                work.media.append(asset)
                if asset.twin is not None and asset.twin.cues is not None:
                    found = True
                    joined += trimmed(asset.twin.cues, reel["cue"] * 1000, reel["length"] * 1000, earlier_ms)
            earlier_ms += reel["length"] * 1000
        work.cues = tuple(joined) if found else None
        if work.folder is None:
            show = self._world.rows["shows"][vod["show"]]
            words = "".join(c.lower() if c.isascii() and c.isalnum() else " " for c in show["title"]).split()
            work.folder = "-".join([str(show["id"]), *words[:6], f"v{vod['id']}"])

    def _move(self, vod: Row, state: str, now: float) -> None:
        if vod["disabled"] and state != "disabled":
            vod["_was"] = state  # it goes on behind the curtain
            return
        clock = self._world.clock
        vod["vodState"], vod["stateChange"] = state, clock.iso(now)
        vod["statusMessage"] = _WORDS.get(state)
        kind = _TRANSACTION.get(state, 0)
        moment = clock.iso(now)
        row = {
            "vod": vod["id"],
            "transactionType": kind,
            "percentComplete": 0.0,
            "startTime": moment,
            "lastModified": moment,
        }
        vod["lastTransaction"], vod["transactionType"] = self._world.add("vodtransactions", row)["id"], kind


def trimmed(cues: tuple[Cue, ...], cue_ms: int, length_ms: int, earlier_ms: int) -> list[Cue]:
    """Of a file's cues those that a reel plays, on the time of the VOD."""
    kept = []
    for cue in cues:
        start, end = max(cue.start_ms, cue_ms), min(cue.end_ms, cue_ms + length_ms)
        if start < end:
            kept.append(Cue(start - cue_ms + earlier_ms, end - cue_ms + earlier_ms, cue.rows))
    return kept
