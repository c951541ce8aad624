"""API keys: for programs, with less than their owner may do, and always with an end."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import Person
from archivist_api.deps import RequestDeps
from archivist_api.schemas.schemas import (
    LONGEST_CURSOR,
    LONGEST_PAGE,
    PAGE,
    ApiKey,
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyPage,
)
from archivist_common.security import api_keys
from archivist_common.security.permissions import Permission

router = APIRouter(prefix="/api/v1/api-keys", tags=["api-keys"])


@router.post("", operation_id="createApiKey", summary="Make a key", status_code=201)
async def create_key(body: ApiKeyCreate, caller: Person, deps: RequestDeps, response: Response) -> ApiKeyCreated:
    """The key itself is in this answer and nowhere else. Needs a log-in: a key cannot make keys."""
    owner = caller.user_id if body.user_id is None else body.user_id
    if owner != caller.user_id:
        caller.require(Permission.ADMIN)
    async with deps.db.transaction() as session:
        made = await api_keys.create(
            session,
            owner,
            body.name,
            frozenset(body.permissions),
            life=timedelta(days=body.expires_in_days),
            description=body.description,
            environment=deps.settings.environment,
            by=caller.user_id,
        )
    response.headers["Location"] = f"{router.prefix}/{made.key.id}"
    return ApiKeyCreated(key=made.text, api_key=ApiKey.of(made.key))


@router.get("", operation_id="listApiKeys", summary="Your keys, or everybody's")
async def list_keys(
    caller: Person,
    deps: RequestDeps,
    everybody: Annotated[bool, Query(description="Other people's too; needs `admin`")] = False,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
) -> ApiKeyPage:
    if everybody:
        caller.require(Permission.ADMIN)
    owner = None if everybody else caller.user_id
    listing = f"api-keys:{owner}"
    after = 0 if cursor is None else int(deps.cursors.read(listing, cursor))
    async with deps.db.transaction() as session:
        page = await api_keys.of(session, owner, after, limit + 1)
    more = len(page) > limit
    return ApiKeyPage(
        items=[ApiKey.of(key) for key in page[:limit]],
        next=deps.cursors.write(listing, page[limit - 1].id) if more else None,
    )


@router.delete("/{key_id}", operation_id="revokeApiKey", summary="End a key", status_code=204)
async def revoke_key(key_id: Annotated[int, Path(ge=1, le=2**31 - 1)], caller: Person, deps: RequestDeps) -> Response:
    """It is refused from the next request on. Administrators may end anybody's."""
    owner = None if Permission.ADMIN in caller.permissions else caller.user_id
    async with deps.db.transaction() as session:
        await api_keys.revoke(session, key_id, owner=owner, by=caller.user_id)
    return Response(status_code=204)
