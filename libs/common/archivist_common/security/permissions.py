"""What a caller may do: a closed list, bounded by the role of the user who logged in or owns the key."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from archivist_common.states import Role


class Permission(StrEnum):
    TRANSCRIPTIONS_READ = "transcriptions:read"
    TRANSCRIPTIONS_WRITE = "transcriptions:write"
    TRANSCRIPTIONS_ALL = "transcriptions:all"
    """Other users' transcriptions as well as one's own."""
    STORAGE_READ = "storage:read"
    ADMIN = "admin"
    """Other users' accounts and keys."""
    ACCOUNT = "account"
    """One's own account and keys. A log-in has it, a key never does."""


GRANTABLE = frozenset(Permission) - {Permission.ACCOUNT}
"""What an API key may carry."""

READ_ONLY = frozenset({Permission.TRANSCRIPTIONS_READ, Permission.STORAGE_READ})
"""What an API key carries where its maker names nothing."""

_USER = frozenset(
    {
        Permission.TRANSCRIPTIONS_READ,
        Permission.TRANSCRIPTIONS_WRITE,
        Permission.STORAGE_READ,
        Permission.ACCOUNT,
    }
)
_OPERATOR = _USER | {Permission.TRANSCRIPTIONS_ALL}

OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.USER: _USER,
    Role.OPERATOR: _OPERATOR,
    Role.ADMIN: frozenset(Permission),
}


def of_key(granted: Iterable[str], owner: Role) -> frozenset[Permission]:
    """What a key may do now: what was granted, never more than its owner may. Other words grant nothing."""
    words = set(granted)
    return frozenset(permission for permission in OF_ROLE[owner] & GRANTABLE if permission.value in words)
