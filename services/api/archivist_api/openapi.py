"""The OpenAPI description: every operation says who may use it and how it can fail, as problem details."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from archivist_api.auth import PUBLIC, policy, routes
from archivist_common.web.problems import MEDIA_TYPE, Problem

_ABOUT = """\
Captions for community television. Log in with `POST /api/v1/auth/login`, or send an API key; submit a recording with
`POST /api/v1/transcriptions`; follow its events; download its captions.

Every failure is a problem document (RFC 9457) with a stable `code`. Lists are paged with an opaque `cursor`.
"""
_TAGS = {
    "auth": "Logging in and out",
    "users": "User accounts",
    "api-keys": "Keys for programs",
    "storage": "Storage servers and recordings",
    "transcriptions": "Recordings to caption",
    "batches": "Recordings submitted together",
    "queue": "What waits and what runs, in order",
    "outputs": "What a transcription produced",
    "publications": "Captions published to a VOD server",
    "targets": "Where captions are published to",
    "shows": "Cablecast's shows, and which of them a recording is",
    "health": "For monitoring",
}
_MEANINGS = {
    400: "The request is malformed",
    401: "Not logged in, or the token or key is invalid or expired",
    403: "Logged in, without the permission",
    404: "It does not exist, or is not yours",
    409: "In conflict with the present state",
    413: "The body is too large",
    422: "The request is well-formed and cannot be carried out",
    429: "Too many requests; see Retry-After",
    500: "Internal error",
    503: "Something needed is unavailable; see Retry-After",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The description, made once and kept."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=_ABOUT, routes=app.routes, openapi_version="3.1.0"
        )
        document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
        components = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        components.update(problem.pop("$defs", {}))
        components["Problem"] = problem
        for name in ("HTTPValidationError", "ValidationError"):
            components.pop(name, None)
        policies = {path: policy(route) for path, route in routes(app)}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _complete(operation, path, is_open=path in PUBLIC or policies.get(path) == "anyone")
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], path: str, *, is_open: bool) -> None:
    if is_open:
        operation["security"] = []
    responses = operation["responses"]
    health = operation["tags"] == ["health"]
    takes = "requestBody" in operation or "parameters" in operation
    codes = {400: not health, 401: not is_open or "login" in path or "refresh" in path, 403: not health}
    codes |= {404: "{" in path or "transcriptions" in path, 409: "requestBody" in operation or "{" in path}
    codes |= {413: "requestBody" in operation, 422: takes, 429: not health, 500: True, 503: True}
    if health:
        codes[405] = True
    for code, applies in codes.items():
        if applies and (str(code) not in responses or code == 422):
            responses[str(code)] = {
                "description": _MEANINGS.get(code, "Method not allowed"),
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
    operation["responses"] = dict(sorted(responses.items()))
