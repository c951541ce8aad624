"""Where captions are published to, and whether it may be asked anything."""

from typing import Annotated

from fastapi import APIRouter, Path

from archivist_api.auth import Operator, Reader
from archivist_api.deps import RequestDeps
from archivist_api.schemas.publishing import Target, Targets
from archivist_api.schemas.schemas import Text
from archivist_api.views import submission
from archivist_common.publishing import targets

router = APIRouter(prefix="/api/v1/targets", tags=["targets"])

TargetName = Annotated[Text, Path(max_length=64, description="Name of the target")]


@router.get("", operation_id="listTargets", summary="Every target, as it is now")
async def list_targets(caller: Reader, deps: RequestDeps) -> Targets:
    """As its publisher last reported it; nothing is asked of it for this."""
    async with deps.db.transaction() as session:
        found = await targets.all_of(session)
    whole = caller.sees_only is None
    return Targets(items=[Target.of(one, deps.outward, whole=whole) for one in found[:100]])


@router.get("/{target_name}", operation_id="readTarget", summary="One target")
async def read(target_name: TargetName, caller: Reader, deps: RequestDeps) -> Target:
    async with deps.db.transaction() as session:
        found = await targets.chosen(session, target_name)
    return Target.of(found, deps.outward, whole=caller.sees_only is None)


@router.post("/{target_name}/resume", operation_id="resumeTarget", summary="Ask it again")
async def resume(target_name: TargetName, caller: Operator, deps: RequestDeps) -> Target:
    """One that refused our credentials, once they are in order; one that is paused, at once. What waits goes on."""
    async with deps.db.transaction() as session:
        await targets.resume(session, target_name, user_id=caller.user_id)
        found = await targets.chosen(session, target_name)
    await submission.notify(deps)
    return Target.of(found, deps.outward, whole=True)
