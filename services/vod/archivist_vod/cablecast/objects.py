"""How the rows of a server's answers become objects of ours."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from archivist_common.errors import TargetFailed
from archivist_vod.cablecast import models
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.transport.paging import rows

WireT = TypeVar("WireT", bound=models.CablecastModel)
ModelT = TypeVar("ModelT", bound=BaseModel)


class Objects:
    """Typed reading of one server."""

    def __init__(self, client: CablecastClient) -> None:
        self.client = client

    async def one(self, path: str, root: str, model: type[WireT]) -> WireT:
        return read(model, await self.client.get(path, root), path)

    async def of(
        self, path: str, root: str, model: type[WireT], params: Mapping[str, Any], owner: int, key: str = "show"
    ) -> list[WireT]:
        """Rows whose `key` is `owner`, whatever the server made of the filter."""
        return [row async for row in self.all(path, root, model, params) if getattr(row, key) == owner]

    async def all(
        self,
        path: str,
        root: str,
        model: type[WireT],
        params: Mapping[str, Any] | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[WireT, None]:
        async with aclosing(rows(self.client, path, root, params, page_size=page_size)) as listed:
            async for row in listed:
                yield read(model, row, path)


def read(model: type[ModelT], raw: Mapping[str, Any], path: str) -> ModelT:
    """An object of the server's. Raises TargetFailed for one that is not what it should be."""
    try:
        return model.read(raw) if issubclass(model, models.CablecastModel) else model.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise TargetFailed(f"{path}: {where}: {first['msg']}", status=200) from exc


def read_all(model: type[WireT], found: Iterable[Mapping[str, Any]], path: str) -> list[WireT]:
    return [read(model, row, path) for row in found]
