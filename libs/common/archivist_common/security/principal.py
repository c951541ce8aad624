"""An authenticated caller, by session or by API key, as every route sees it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from archivist_common.errors import PermissionDenied
from archivist_common.security.permissions import Permission
from archivist_common.states import Role


@dataclass(frozen=True, slots=True)
class Caller:
    """`role` and `permissions` are those of this moment. One of `session_id` and `key_id` is set."""

    user_id: int
    username: str
    role: Role
    permissions: frozenset[Permission]
    expires: datetime
    session_id: UUID | None = None
    key_id: int | None = None

    @property
    def sees_only(self) -> int | None:
        """The user whose transcriptions alone this caller may see; None who may see all."""
        return None if Permission.TRANSCRIPTIONS_ALL in self.permissions else self.user_id

    def require(self, permission: Permission) -> None:
        """Raises PermissionDenied."""
        if permission not in self.permissions:
            what = "key" if self.key_id is not None else f"role {self.role.value}"
            raise PermissionDenied(f"this needs {permission.value!r}, which your {what} does not have")
