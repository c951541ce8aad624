"""The description is complete: each operation says who may use it, what it takes and how it can fail."""

import re

import pytest

from archivist_api import swagger_ui
from archivist_api.app import create_app
from archivist_common.settings import ApiSettings

SETTINGS = ApiSettings(_env_file=None, environment="testing", database_url="postgresql://nowhere/x")
DOCUMENT = create_app(SETTINGS).openapi()
OPERATIONS = [
    pytest.param(path, method, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def test_it_is_openapi_3_1_with_a_version_and_words_about_it():
    assert DOCUMENT["openapi"] == "3.1.0"
    assert DOCUMENT["info"]["version"]
    assert "POST /api/v1/transcriptions" in DOCUMENT["info"]["description"]


def test_every_operation_has_a_name_of_its_own():
    names = [operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_an_operation_says_what_it_is_who_may_use_it_and_how_it_fails(path, method, operation):
    assert re.fullmatch(r"[a-z][A-Za-z]+", operation["operationId"])
    assert operation["summary"]
    declared = {tag["name"] for tag in DOCUMENT["tags"]}
    assert len(operation["tags"]) == 1
    assert set(operation["tags"]) <= declared
    if path.startswith("/api/v1/auth/") and operation["operationId"] in {"logIn", "refresh"}:
        assert operation["security"] == []
    elif path.startswith("/api/"):
        assert [set(choice) for choice in operation["security"]] == [{"bearer"}, {"apiKey"}]
        assert {"401", "403"} <= set(operation["responses"])
    else:
        assert operation["security"] == []
    codes = set(operation["responses"])
    for kind in "245":
        assert any(code.startswith(kind) for code in codes)
    for code, response in operation["responses"].items():
        assert response["description"]
        if int(code) >= 400 and operation["operationId"] != "ready":
            assert response["content"] == PROBLEM
    if "requestBody" in operation:
        assert {"413", "422"} <= codes
    if "{job_id}" in path:
        assert "404" in codes


def _schemas(node, where=""):
    if isinstance(node, dict):
        if "type" in node or "$ref" in node or "anyOf" in node:
            yield where, node
        for name, value in node.items():
            if name not in {"example", "examples", "default", "enum"}:
                yield from _schemas(value, f"{where}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _schemas(value, f"{where}/{number}")


def _ours():
    yield from _schemas(DOCUMENT["components"]["schemas"])
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for number, parameter in enumerate(operation.get("parameters", [])):
                yield from _schemas(parameter["schema"], f"{path}/{method}/{number}")


def test_text_numbers_and_lists_have_bounds():
    unbounded = []
    for where, schema in _ours():
        kind = schema.get("type")
        if not isinstance(kind, str):  # a field that is called "type"
            continue
        if kind == "string" and not {"maxLength", "enum", "const", "format", "pattern"} & set(schema):
            unbounded.append(where)
        if kind in {"integer", "number"} and not {"maximum", "exclusiveMaximum", "enum", "const"} & set(schema):
            unbounded.append(where)
        if kind == "array" and "maxItems" not in schema:
            unbounded.append(where)
    assert [where for where in unbounded if "additionalProperties" not in where] == []


def test_requests_take_no_other_fields():
    bodies = {
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    }
    assert len(bodies) >= 6
    for name in bodies:
        assert DOCUMENT["components"]["schemas"][name]["additionalProperties"] is False


def test_every_reference_leads_somewhere_and_nothing_lies_unused():
    used = {schema["$ref"].rsplit("/", 1)[1] for _, schema in _schemas(DOCUMENT) if "$ref" in schema}
    assert used == set(DOCUMENT["components"]["schemas"])


def test_lists_are_paged_with_a_cursor_and_a_bounded_limit():
    for path in (
        "/api/v1/transcriptions",
        "/api/v1/batches",
        "/api/v1/users",
        "/api/v1/api-keys",
        "/api/v1/publications",
        "/api/v1/shows",
        "/api/v1/storage/{server}/files",
    ):
        parameters = {parameter["name"]: parameter for parameter in DOCUMENT["paths"][path]["get"]["parameters"]}
        assert parameters["limit"]["schema"]["maximum"] == 200
        assert parameters["limit"]["schema"]["default"] == 50
        assert "cursor" in parameters


async def test_the_page_of_the_description_needs_nothing_from_elsewhere(gateway):
    async with gateway.client() as client:
        page = await client.get("http://gateway/docs")
        assert page.status_code == 200
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(sources) >= 4
        for source in sources:
            if source != "data:,":
                assert source.startswith("/")
                assert (await client.get(f"http://gateway{source}")).status_code == 200
        assert "script-src" not in swagger_ui.POLICY
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        described = await client.get("http://gateway/openapi.json")
    assert described.json() == gateway.app.openapi()
    styles = (swagger_ui.ASSETS / "swagger-ui.css").read_text("utf-8")
    assert not re.findall(r"url\(\s*[\"']?https?:", styles)


async def test_every_answer_forbids_keeping_and_framing(gateway):
    async with gateway.as_("uma") as uma, gateway.client() as nobody:
        for answer in (
            await uma.get("/transcriptions"),
            await nobody.get("/transcriptions"),
            await nobody.get("/nothing"),
            await uma.post("/transcriptions", json={}),
        ):
            assert answer.headers["cache-control"] == "no-store"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]
            assert "server" not in answer.headers


async def test_the_name_of_a_request_is_kept_when_it_is_one(gateway):
    async with gateway.client() as client:
        given = await client.get("http://gateway/version", headers={"X-Request-ID": "run-17.3"})
        forged = await client.get("http://gateway/version", headers={"X-Request-ID": "a b<script>"})
    assert given.headers["x-request-id"] == "run-17.3"
    assert re.fullmatch(r"[0-9a-f]{32}", forged.headers["x-request-id"])
