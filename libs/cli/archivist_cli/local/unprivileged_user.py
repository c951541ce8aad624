"""Who a server runs as. PostgreSQL refuses root, and root is what many containers give us."""

import os
import pwd
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from archivist_cli.local.errors import StackError

_PARENT_WATCH = Path(__file__).with_name("parent_watch.py")
_TRIAL_DEADLINE_S = 20
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2  # linux/capability.h


@dataclass(frozen=True, slots=True)
class Identity:
    """same: as ourselves. mapped: root that is called uid:gid inside a user namespace, so that files stay
    root's. other: another user, who owns the files.

    capability: all that such a user keeps of root, to pass folders that only root may enter, such as its home.
    """

    kind: Literal["same", "mapped", "other"] = "same"
    uid: int = 0
    gid: int = 0
    capability: int | None = None

    def __str__(self) -> str:
        if self.kind == "same":
            return self.kind
        return f"{self.kind}:{self.uid}:{self.gid}" + ("" if self.capability is None else f":{self.capability}")

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that files of this identity belong to, as the file system counts them."""
        return (self.uid, self.gid) if self.kind == "other" else (os.geteuid(), os.getegid())


SAME = Identity()


def tethered(on_our_death: signal.Signals, identity: Identity) -> list[str]:
    """What to put before a command so that it runs as an identity and gets a signal when we are gone."""
    number = str(int(on_our_death))
    return [sys.executable, "-I", "-S", str(_PARENT_WATCH), str(os.getpid()), number, str(identity)]


def unprivileged(program: Path, *folders: Path) -> Identity:
    """An identity that is not root, can run this program and enter these folders: ourselves where we are not root.

    Raises StackError when root can give itself up in no way here.
    """
    if os.geteuid() != 0:
        return SAME
    uid, gid = _nobody()
    # The least first. Containers commonly refuse user namespaces, and may have only the last of the capabilities.
    for identity in (
        Identity("mapped", uid, gid),
        Identity("other", uid, gid),
        Identity("other", uid, gid, CAP_DAC_READ_SEARCH),
        Identity("other", uid, gid, CAP_DAC_OVERRIDE),
    ):
        if all(_can_run(identity, program, folder) for folder in folders or (Path("/"),)):
            return identity
    reached = ", ".join(str(path) for path in (program, *folders))
    raise StackError(
        f"PostgreSQL does not run as root, user namespaces are refused here, and user {uid} cannot reach all of "
        f"{reached}: start Archivist as an ordinary user, or put it and its data where every user may pass"
    )


def give(folder: Path, identity: Identity) -> None:
    """Make a folder of ours, and all beneath it, belong to an identity, where it does not yet."""
    uid, gid = identity.owner
    owner = folder.stat().st_uid
    if owner == uid:
        return
    if os.geteuid() != 0:
        raise StackError(
            f"{folder} belongs to another user (number {folder.stat().st_uid}): start Archivist as that user"
        )
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent) / name, uid, gid, follow_symlinks=False)
    os.chown(folder, uid, gid)  # last: a walk cut short is taken up again


def _nobody() -> tuple[int, int]:
    """An unprivileged user with an entry in the user table; initdb asks for its name."""
    for entry in (*(e for e in pwd.getpwall() if e.pw_name == "nobody"), *pwd.getpwall()):
        if entry.pw_uid != 0:
            return entry.pw_uid, entry.pw_gid
    raise StackError("PostgreSQL does not run as root, and this machine has no other user")


def _can_run(identity: Identity, program: Path, folder: Path) -> bool:
    """Whether an identity gets as far as a program's version, started in a folder."""
    command = [*tethered(signal.SIGKILL, identity), str(program), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_DEADLINE_S, cwd=folder, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
