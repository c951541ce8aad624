"""User accounts, for their owners and for administrators."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Response

from archivist_api.auth import Administrator, AnyCaller
from archivist_api.deps import RequestDeps
from archivist_api.pagination import BY_ID, Paging
from archivist_api.schemas.users import Me, User, UserChange, UserCreate, UserCreated, UserPage
from archivist_common.security import accounts

router = APIRouter(prefix="/api/v1/users", tags=["users"])

UserId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/me", operation_id="readMe", summary="Who you are and what you may do")
async def me(caller: AnyCaller, deps: RequestDeps) -> Me:
    async with deps.db.transaction() as session:
        return Me.of(await accounts.get(session, caller.user_id), caller.permissions)


@router.get("", operation_id="listUsers", summary="All users")
async def list_users(_caller: Administrator, deps: RequestDeps, paging: Paging) -> UserPage:
    async with deps.db.transaction() as session:
        page = await deps.cursors.page("users", paging, BY_ID, partial(accounts.page, session))
    return UserPage.model_validate({"items": page.rows, "next": page.next})


@router.post("", operation_id="createUser", summary="Create a user", status_code=201)
async def create_user(body: UserCreate, caller: Administrator, deps: RequestDeps, response: Response) -> UserCreated:
    """An account with a one-time password, shown this once, to be exchanged at the first log-in within a day."""
    async with deps.db.transaction() as session:
        created = await accounts.create(session, body.username, body.email, body.role, by=caller.user_id)
    response.headers["Location"] = f"{router.prefix}/{created.account.id}"
    return UserCreated.of(created)


@router.get("/{user_id}", operation_id="readUser", summary="One user")
async def read_user(user_id: UserId, _caller: Administrator, deps: RequestDeps) -> User:
    async with deps.db.transaction() as session:
        return User.model_validate(await accounts.get(session, user_id))


@router.patch("/{user_id}", operation_id="changeUser", summary="Change a role, deactivate or activate")
async def change_user(user_id: UserId, body: UserChange, caller: Administrator, deps: RequestDeps) -> User:
    """Takes effect with that user's next request. The last active administrator cannot be removed."""
    async with deps.db.transaction() as session:
        account = await accounts.change(session, user_id, role=body.role, active=body.active, by=caller.user_id)
    return User.model_validate(account)


@router.post(
    "/{user_id}/one-time-password", operation_id="renewOneTimePassword", summary="Replace a forgotten password"
)
async def renew_one_time_password(user_id: UserId, caller: Administrator, deps: RequestDeps) -> UserCreated:
    """A new one-time password, shown this once. The old password and every session of that user end."""
    async with deps.db.transaction() as session:
        return UserCreated.of(await accounts.renew_one_time(session, user_id, by=caller.user_id))
