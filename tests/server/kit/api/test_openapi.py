"""The OpenAPI document says what the API does."""

import json
import threading
from pathlib import Path
from typing import cast

from starlette.requests import Request
from tests.server.api.conftest import DOCUMENT, OPERATIONS, Api

from parlour_server.kit.api.health_endpoints import HealthEndpoints, Readiness

ROOT = Path(__file__).parents[4]


async def test_the_document_is_served(api: Api) -> None:
    """Anyone may read the API description."""
    answer = await api.http.get("/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.content == DOCUMENT


def test_the_checked_in_document_is_current() -> None:
    """`docs/openapi.json` is generated from the structs and the table; `make docs` writes it again."""
    assert (ROOT / "docs" / "openapi.json").read_bytes() == DOCUMENT


def test_every_operation_is_described_and_every_reference_resolves() -> None:
    """Nothing is undocumented, and no schema is missing."""
    found = json.loads(DOCUMENT)
    described = {(path, method.upper()) for path, row in found["paths"].items() for method in row}
    assert described == {(row.path, row.method) for row in OPERATIONS.rows}

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert references(found) <= schemas


async def test_the_document_is_made_when_someone_asks_and_once() -> None:
    """Most servers are never asked. A thread makes it, so that no one else waits."""
    makers: list[threading.Thread] = []

    def make() -> bytes:
        makers.append(threading.current_thread())
        return b"{}"

    readiness = cast("Readiness", None)  # which a description does not ask
    health = HealthEndpoints(readiness, make)
    assert makers == []
    request = Request({"type": "http"})
    answers = [await health.describe(request) for _ in range(2)]
    assert [answer.body for answer in answers] == [b"{}", b"{}"]
    assert len(makers) == 1
    assert makers[0] is not threading.current_thread()
