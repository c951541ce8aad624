"""Authentication and authorisation. Every route names its policy; `check_policies` finds those without one."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from starlette.routing import BaseRoute

from archivist_api.deps import Deps, RequestDeps
from archivist_common.errors import AuthRequired, InvalidToken
from archivist_common.security import api_keys, sessions, tokens
from archivist_common.security.permissions import Permission
from archivist_common.security.principal import Caller

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="bearer",
    description="An access token from `POST /api/v1/auth/login`, or an API key",
)
_key_header = APIKeyHeader(
    name="X-API-Key",
    auto_error=False,
    scheme_name="apiKey",
    description="An API key, `arc_…`, where the Authorization header is in use otherwise",
)

PUBLIC = frozenset(
    {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/version",
        "/openapi.json",
        "/docs",
        "/docs/start.js",
        "/docs/assets",
    }
)
"""Paths open to everyone, beside the operations marked `anyone`."""


@dataclass(frozen=True)
class Needs:
    """A dependency: the caller, who has this permission, and the other one too. None: any authenticated caller."""

    permission: Permission | None
    also: Permission | None = None

    async def __call__(
        self,
        request: Request,
        deps: RequestDeps,
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
        key: Annotated[str | None, Security(_key_header)],
    ) -> Caller:
        given = bearer.credentials if bearer is not None else key
        if given is None:
            raise AuthRequired("log in, or send an API key: Authorization: Bearer …")
        caller = await identify(deps, given)
        for permission in (self.permission, self.also):
            if permission is not None:
                caller.require(permission)
        request.state.credential = given
        return caller


async def anyone() -> None:
    """A dependency that says: this operation is open on purpose."""


async def identify(deps: Deps, given: str) -> Caller:
    """The caller behind a token or an API key, as they are now. Raises InvalidToken, InvalidApiKey."""
    if len(given) > tokens.LONGEST:
        raise InvalidToken("that is too long to be a token")
    if given.startswith(api_keys.PREFIX):
        async with deps.db.transaction() as session:
            return await api_keys.who(session, given)
    access = tokens.read(deps.keys, given, datetime.now(UTC))
    async with deps.db.transaction() as session:
        return await sessions.who(session, access, deps.settings.session_timeout)


def check_policies(app: FastAPI) -> None:
    """Raises RuntimeError for a route that neither needs a permission nor is marked `anyone`."""
    without = [path for path, route in routes(app) if path not in PUBLIC and policy(route) is None]
    if without:
        raise RuntimeError(f"routes without a policy: {', '.join(sorted(without))}")


def policy(route: BaseRoute) -> Permission | Literal["anyone", "caller"] | None:
    """What a route needs, `caller` (any authenticated one), `anyone`, or None without a policy."""
    for call in _calls(route.dependant) if isinstance(route, APIRoute) else ():
        if isinstance(call, Needs):
            return call.permission or "caller"
        if call is anyone:
            return "anyone"
    return None


def routes(app: FastAPI) -> Iterator[tuple[str, BaseRoute]]:
    """Every route with its path. Routers carry their whole prefix themselves; the app includes them without one."""
    return _routes(app.routes)


def _routes(found: Iterable[BaseRoute]) -> Iterator[tuple[str, BaseRoute]]:
    for route in found:
        included = getattr(route, "original_router", None)  # FastAPI from 0.130 on keeps routers whole
        if included is None:
            yield getattr(route, "path", repr(route)), route
        else:
            yield from _routes(included.routes)


def _calls(dependant: Dependant) -> Iterator[object]:
    for sub in dependant.dependencies:
        yield sub.call
        yield from _calls(sub)


Reader = Annotated[Caller, Depends(Needs(Permission.TRANSCRIPTIONS_READ))]
Writer = Annotated[Caller, Depends(Needs(Permission.TRANSCRIPTIONS_WRITE))]
Operator = Annotated[Caller, Depends(Needs(Permission.TRANSCRIPTIONS_WRITE, Permission.TRANSCRIPTIONS_ALL))]
"""Who may reorder the queue, which holds the jobs of all users."""

Browser = Annotated[Caller, Depends(Needs(Permission.STORAGE_READ))]
Administrator = Annotated[Caller, Depends(Needs(Permission.ADMIN))]
LoggedIn = Annotated[Caller, Depends(Needs(Permission.ACCOUNT))]
AnyCaller = Annotated[Caller, Depends(Needs(None))]
