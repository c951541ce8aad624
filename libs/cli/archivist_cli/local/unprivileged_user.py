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


@dataclass(frozen=True, slots=True)
class Identity:
    """same: as ourselves. mapped: root that is called uid:gid inside a user namespace, so that files stay
    root's. other: another user, who must own the files and be able to read the program."""

    kind: Literal["same", "mapped", "other"] = "same"
    uid: int = 0
    gid: int = 0

    def __str__(self) -> str:
        return self.kind if self.kind == "same" else f"{self.kind}:{self.uid}:{self.gid}"

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that files of this identity belong to, as the file system counts them."""
        return (self.uid, self.gid) if self.kind == "other" else (os.geteuid(), os.getegid())


SAME = Identity()


def tethered(on_our_death: signal.Signals, identity: Identity) -> list[str]:
    """What to put before a command so that it runs as an identity and gets a signal when we are gone."""
    number = str(int(on_our_death))
    return [sys.executable, "-I", "-S", str(_PARENT_WATCH), str(os.getpid()), number, str(identity)]


def unprivileged(program: Path) -> Identity:
    """An identity that is not root and can run this program: ourselves wherever we are not root.

    Raises StackError when root can give itself up in no way here.
    """
    if os.geteuid() != 0:
        return SAME
    uid, gid = _nobody()
    for identity in (Identity("mapped", uid, gid), Identity("other", uid, gid)):
        if _can_run(identity, program):
            return identity
    raise StackError(
        f"PostgreSQL does not run as root, user namespaces are refused here, and user {uid} cannot read "
        f"{program}: start Archivist as an ordinary user, or install it where every user may read it"
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


def _can_run(identity: Identity, program: Path) -> bool:
    command = [*tethered(signal.SIGKILL, identity), str(program), "--version"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_DEADLINE_S, cwd="/", check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
