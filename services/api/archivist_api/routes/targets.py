"""Publishing targets, and whether they are available."""

from typing import Annotated

from fastapi import APIRouter, Path

from archivist_api.auth import Operator, Reader
from archivist_api.deps import RequestDeps
from archivist_api.schemas.common import Text
from archivist_api.schemas.targets import Target, Targets
from archivist_common.publishing import targets

router = APIRouter(prefix="/api/v1/targets", tags=["targets"])

TargetName = Annotated[Text, Path(max_length=64, description="Name of the target")]


@router.get("", operation_id="listTargets", summary="All targets and their state")
async def list_targets(caller: Reader, deps: RequestDeps) -> Targets:
    """As the publisher last reported them; no target is contacted for this."""
    async with deps.db.transaction() as session:
        found = await targets.all_of(session)
    whole = caller.sees_only is None
    return Targets(items=[Target.of(one, deps.redact, whole=whole) for one in found[:100]])


@router.get("/{target_name}", operation_id="readTarget", summary="One target")
async def read(target_name: TargetName, caller: Reader, deps: RequestDeps) -> Target:
    async with deps.db.transaction() as session:
        found = await targets.chosen(session, target_name)
    return Target.of(found, deps.redact, whole=caller.sees_only is None)


@router.post("/{target_name}/resume", operation_id="resumeTarget", summary="Resume a stopped or paused target")
async def resume(target_name: TargetName, caller: Operator, deps: RequestDeps) -> Target:
    """One that rejected our credentials, once they are corrected; one that is paused, at once. What waits for it
    continues."""
    async with deps.db.transaction() as session:
        await targets.resume(session, target_name, user_id=caller.user_id)
        found = await targets.chosen(session, target_name)
    await deps.notify()
    return Target.of(found, deps.redact, whole=True)
