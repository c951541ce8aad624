"""API keys: for programs, with less than their owner may do, and always with an expiry."""

from datetime import timedelta
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from archivist_api.auth import LoggedIn
from archivist_api.deps import RequestDeps
from archivist_api.pagination import BY_ID, Paging
from archivist_api.schemas.api_keys import ApiKey, ApiKeyCreate, ApiKeyCreated, ApiKeyPage
from archivist_common.security import api_keys
from archivist_common.security.permissions import Permission

router = APIRouter(prefix="/api/v1/api-keys", tags=["api-keys"])


@router.post("", operation_id="createApiKey", summary="Create a key", status_code=201)
async def create_key(body: ApiKeyCreate, caller: LoggedIn, deps: RequestDeps, response: Response) -> ApiKeyCreated:
    """The key itself is in this response and nowhere else. Needs a log-in: a key cannot create keys."""
    owner = caller.user_id if body.user_id is None else body.user_id
    if owner != caller.user_id:
        caller.require(Permission.ADMIN)
    async with deps.db.transaction() as session:
        created = await api_keys.create(
            session,
            owner,
            body.name,
            frozenset(body.permissions),
            life=timedelta(days=body.expires_in_days),
            description=body.description,
            environment=deps.settings.environment,
            by=caller.user_id,
        )
    response.headers["Location"] = f"{router.prefix}/{created.key.id}"
    return ApiKeyCreated(key=created.text, api_key=ApiKey.of(created.key))


@router.get("", operation_id="listApiKeys", summary="Your keys, or those of all users")
async def list_keys(
    caller: LoggedIn,
    deps: RequestDeps,
    paging: Paging,
    everybody: Annotated[bool, Query(description="Those of all users; needs `admin`")] = False,
) -> ApiKeyPage:
    if everybody:
        caller.require(Permission.ADMIN)
    owner = None if everybody else caller.user_id
    async with deps.db.transaction() as session:
        page = await deps.cursors.page(f"api-keys:{owner}", paging, BY_ID, partial(api_keys.of, session, owner))
    return ApiKeyPage(items=[ApiKey.of(key) for key in page.rows], next=page.next)


@router.delete("/{key_id}", operation_id="revokeApiKey", summary="Revoke a key", status_code=204)
async def revoke_key(
    key_id: Annotated[int, Path(ge=1, le=2**31 - 1)], caller: LoggedIn, deps: RequestDeps
) -> Response:
    """It is refused from the next request on. Administrators may revoke any key."""
    owner = None if Permission.ADMIN in caller.permissions else caller.user_id
    async with deps.db.transaction() as session:
        await api_keys.revoke(session, key_id, owner=owner, by=caller.user_id)
    return Response(status_code=204)
