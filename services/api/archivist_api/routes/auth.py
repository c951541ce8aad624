"""Logging in, refreshing a session, logging out."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response

from archivist_api.auth import LoggedIn, anyone
from archivist_api.deps import Deps, RequestDeps, address
from archivist_api.schemas.auth import Login, PasswordChange, Refresh, Tokens
from archivist_common.errors import InvalidToken
from archivist_common.security import login_throttle, sessions, tokens
from archivist_common.security.login_throttle import Credentials
from archivist_common.security.sessions import Opened

router = APIRouter(prefix="/api/v1/auth", tags=["auth"])
REFRESH_KEY = "refresh"


@router.post("/login", operation_id="logIn", summary="Log in", dependencies=[Depends(anyone)])
async def log_in(body: Login, request: Request, deps: RequestDeps) -> Tokens:
    """Exchange a name and a password for tokens. With a one-time password, `new_password` is required."""
    opened = await login_throttle.log_in(
        deps.db,
        Credentials(
            username=body.username,
            password=body.password.get_secret_value(),
            address=address(request),
            new_password=None if body.new_password is None else body.new_password.get_secret_value(),
        ),
    )
    return _tokens(deps, opened)


@router.post("/refresh", operation_id="refresh", summary="Continue a session", dependencies=[Depends(anyone)])
async def refresh(body: Refresh, deps: RequestDeps) -> Tokens:
    """Exchange a refresh token, which is valid for one use, for the next pair of tokens."""
    key = deps.keys.derive(REFRESH_KEY)
    async with deps.db.transaction() as session:
        opened = await sessions.refresh(
            session, body.refresh_token.get_secret_value(), key, deps.settings.session_timeout
        )
    if opened is None:
        raise InvalidToken("the refresh token is unknown, used or expired; log in again")
    return _tokens(deps, opened)


@router.post("/logout", operation_id="logOut", summary="End this session", status_code=204)
async def log_out(caller: LoggedIn, deps: RequestDeps) -> Response:
    """End the session of the access token; its tokens are refused from the next request on."""
    if caller.session_id is not None:
        async with deps.db.transaction() as session:
            await sessions.end(session, caller.session_id)
    return Response(status_code=204)


@router.post("/password", operation_id="changePassword", summary="Change your password", status_code=204)
async def change_password(body: PasswordChange, caller: LoggedIn, request: Request, deps: RequestDeps) -> Response:
    """Replace your own password. All your sessions end, this one too."""
    given = Credentials(caller.username, body.current_password.get_secret_value(), address(request))
    await login_throttle.change_password(deps.db, given, body.new_password.get_secret_value())
    return Response(status_code=204)


def _tokens(deps: Deps, opened: Opened) -> Tokens:
    lifetime = deps.settings.token_lifetime
    access = tokens.issue(deps.keys, opened.user_id, opened.id, lifetime, datetime.now(UTC))
    return Tokens(access_token=access, expires_in_s=int(lifetime.total_seconds()), refresh_token=opened.refresh_token)
