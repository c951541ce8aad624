"""The whole server as one object: its clock, objects, files, VODs, uploads, journal and faults."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators.cablecast import seeds
from tests.simulators.cablecast.clock import Clock
from tests.simulators.cablecast.faults import Faults
from tests.simulators.cablecast.files import Files
from tests.simulators.cablecast.journal import Journal
from tests.simulators.cablecast.leaks import Leaks
from tests.simulators.cablecast.profiles import PROFILES, Switches
from tests.simulators.cablecast.uploads import Uploads
from tests.simulators.cablecast.views import Views
from tests.simulators.cablecast.vods import Machine
from tests.simulators.cablecast.world import World


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with a Frontdoor account. level: write, read or disabled."""

    name: str
    secret: str
    level: str


USERS = (User("operator", "secret", "write"), User("viewer", "secret", "read"), User("disabled", "*", "disabled"))


class Station:
    """Everything behind the sockets. `reset` makes it new, in the same folders, its clock as fast as at first."""

    def __init__(self, profile: str, folder: Path, clock: Clock, *, users: tuple[User, ...] = USERS) -> None:
        self.profile = PROFILES[profile]
        self.folder = folder
        self.clock = clock
        self.users = {user.name: user for user in users}
        self._speed = clock.speed
        self.reset()

    def reset(self) -> None:
        self.clock.run(self._speed)
        self.switches = Switches()
        self.world = World(self.clock, self.profile, self.switches)
        self.files = Files(self.world)
        self.machine = Machine(self.world, self.files)
        self.uploads = Uploads(self.world, self.files)
        self.views = Views(self.world, self.files, self.machine)
        self.journal = Journal()
        self.faults = Faults()
        self.frozen: dict[str, tuple[float, Any]] = {}
        self.read_fields: set[tuple[str, str, int]] = set()
        self.leaks = Leaks((user.name, user.secret) for user in self.users.values())
        self.duplicated: set[tuple[str, int]] = set()
        seeds.plant_basics(self)

    def look(self) -> None:
        """See what changed in the folders and play what was due: called before every request."""
        self.files.scan()
        self.settle(self.clock.now())

    def advance(self, seconds: float) -> None:
        """Move the clock and play everything in between in its order."""
        self.files.scan(whole=True)
        self.settle(self.clock.advance(seconds))
        self.files.scan(whole=True)

    def settle(self, now: float) -> None:
        while True:
            dues = [
                due
                for due in (self.files.next_due(), self.machine.next_due(), self.uploads.next_due())
                if due is not None
            ]
            moment = min(dues, default=None)
            if moment is None or moment > now:
                return
            self.machine.settle(moment)
            self.uploads.settle(moment)
            for asset in self.files.index(moment):
                if asset.kind == "caption":
                    self.machine.refresh(asset, moment)
                elif asset.kind == "video" and asset.twin is not None:
                    self.machine.refresh(asset.twin, moment)
            self.machine.wake(moment)

    def reels_changed(self) -> None:
        self.files.relink()
        self.machine.wake(self.clock.now())
