"""People, for themselves and for administrators."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Administrator, AnyCaller
from archivist_api.deps import RequestDeps
from archivist_api.schemas.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    PAGE,
    Me,
    User,
    UserChange,
    UserCreate,
    UserCreated,
    UserPage,
)
from archivist_common.security import accounts
from archivist_common.security.accounts import OneTime

router = APIRouter(prefix="/api/v1/users", tags=["users"])

UserId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/me", operation_id="readMe", summary="Who you are and what you may do")
async def me(caller: AnyCaller, deps: RequestDeps) -> Me:
    async with deps.db.transaction() as session:
        account = await accounts.get(session, caller.user_id)
    return Me(**User.of(account).model_dump(), permissions=sorted(caller.permissions))


@router.get("", operation_id="listUsers", summary="Everybody")
async def list_users(
    _caller: Administrator,
    deps: RequestDeps,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> UserPage:
    after = 0 if cursor is None else int(deps.cursors.read("users", cursor))
    async with deps.db.transaction() as session:
        page = await accounts.page(session, after, limit + 1)
    more = len(page) > limit
    return UserPage(
        items=[User.of(account) for account in page[:limit]],
        next=deps.cursors.write("users", page[limit - 1].id) if more else None,
    )


@router.post("", operation_id="createUser", summary="Add somebody", status_code=201)
async def create_user(body: UserCreate, caller: Administrator, deps: RequestDeps, response: Response) -> UserCreated:
    """An account with a one-time password, shown this once, to be exchanged at the first log-in within a day."""
    async with deps.db.transaction() as session:
        made = await accounts.create(session, body.username, body.email, body.role, by=caller.user_id)
    response.headers["Location"] = f"{router.prefix}/{made.account.id}"
    return _created(made)


@router.get("/{user_id}", operation_id="readUser", summary="Somebody")
async def read_user(user_id: UserId, _caller: Administrator, deps: RequestDeps) -> User:
    async with deps.db.transaction() as session:
        return User.of(await accounts.get(session, user_id))


@router.patch("/{user_id}", operation_id="changeUser", summary="Change a role, shut out or let in")
async def change_user(user_id: UserId, body: UserChange, caller: Administrator, deps: RequestDeps) -> User:
    """Takes effect with that person's next request. The last active administrator cannot be taken away."""
    async with deps.db.transaction() as session:
        account = await accounts.change(session, user_id, role=body.role, active=body.active, by=caller.user_id)
    return User.of(account)


@router.post(
    "/{user_id}/one-time-password", operation_id="renewOneTimePassword", summary="Replace a forgotten password"
)
async def renew_one_time_password(user_id: UserId, caller: Administrator, deps: RequestDeps) -> UserCreated:
    """A new one-time password, shown this once. The old password and every session of that person end."""
    async with deps.db.transaction() as session:
        return _created(await accounts.renew_one_time(session, user_id, by=caller.user_id))


def _created(made: OneTime) -> UserCreated:
    return UserCreated(user=User.of(made.account), one_time_password=made.password, until=made.until)
