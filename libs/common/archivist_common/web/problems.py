"""Errors as callers see them: problem details (RFC 9457) with a stable type and code."""

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from archivist_common.errors import ArchivistError, AuthRequired

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class FieldProblem(BaseModel):
    field: str = Field(description="Where in the request: body.priority, query.limit", max_length=200)
    message: str = Field(max_length=500)


class Problem(BaseModel):
    """What went wrong, in words for a user (`detail`) and in a code for a program (`code`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:archivist:problem:file-not-found",
                "title": "File not found",
                "status": 404,
                "detail": "flex-1 has no file 'Council (20220412).mp4'",
                "code": "FILE_NOT_FOUND",
                "instance": "urn:archivist:request:5f0c…",
            }
        }
    )

    type: str = Field(max_length=100)
    title: str = Field(max_length=100)
    status: int = Field(ge=400, le=599)
    detail: str = Field(max_length=2000)
    code: str = Field(max_length=50)
    instance: str = Field(max_length=200)
    errors: list[FieldProblem] | None = Field(default=None, max_length=100)


def response(
    request: Request,
    *,
    code: str,
    status: int,
    detail: str,
    errors: Sequence[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One problem. An app whose state has `redact` redacts every detail with it before it is sent."""
    redact: Callable[[str], str] = getattr(request.app.state, "redact", str)
    problem = Problem(
        type=f"urn:archivist:problem:{code.lower().replace('_', '-')}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=redact(detail)[:2000],
        code=code,
        instance=f"urn:archivist:request:{getattr(request.state, 'request_id', 'unknown')}",
        errors=list(errors)[:100] if errors else None,
    )
    return JSONResponse(
        problem.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Answer every failure of the app with problem details."""
    app.add_exception_handler(ArchivistError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


async def _ours(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, ArchivistError)  # noqa: S101 -- how it was registered
    headers = {}
    if exc.retryable:
        headers["Retry-After"] = str(exc.retry_after_s)
    if isinstance(exc, AuthRequired):
        headers["WWW-Authenticate"] = "Bearer"
    if exc.http_status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request failed", extra={"code": exc.code, "detail": exc.message}, exc_info=exc)
    return response(request, code=exc.code, status=exc.http_status, detail=exc.message, headers=headers)


async def _invalid(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, RequestValidationError)  # noqa: S101 -- how it was registered
    errors = [
        FieldProblem(field=".".join(str(part) for part in error["loc"])[:200], message=_sentence(error))
        for error in exc.errors()
    ]
    detail = "; ".join(f"{error.field}: {error.message}" for error in errors[:5])
    return response(request, code="VALIDATION_FAILED", status=422, detail=detail, errors=errors)


async def _framework(request: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, HTTPException)  # noqa: S101 -- how it was registered
    status = HTTPStatus(exc.status_code)
    code = "BODY_TOO_LARGE" if status == 413 else status.name  # Python 3.13 has another name for it
    return response(request, code=code, status=status, detail=str(exc.detail), headers=exc.headers)


async def _unexpected(request: Request, exc: Exception) -> JSONResponse:
    return unexpected(request, exc)


def unexpected(request: Request, exc: Exception) -> JSONResponse:
    """The response to an unexpected error: logged with its traceback, none of which is sent."""
    log.error("request failed", exc_info=exc)
    detail = "something went wrong here; the log has the request's id"
    return response(request, code="INTERNAL_ERROR", status=500, detail=detail)


def _sentence(error: Any) -> str:
    return str(error["msg"])[:500]
