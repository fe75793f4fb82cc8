"""The OpenAPI document says what the API does."""

import json
import threading
from pathlib import Path

import pytest
from starlette.requests import Request

from parlour_server.capabilities.openapi import document as openapi
from parlour_server.capabilities.openapi.served import Description
from parlour_server.chat.program import CHAT
from parlour_server.testing.server import running

ROOT = Path(__file__).parents[4]
DOCUMENT = openapi.document(CHAT.name, CHAT.all_operations())


async def test_the_document_is_served(tmp_path: Path) -> None:
    """Anyone may read the API description."""
    async with running(CHAT, tmp_path / "data") as world:
        assert await world.api("GET", "/v1/openapi.json") == json.loads(DOCUMENT)


def test_the_checked_in_document_is_current() -> None:
    """`docs/openapi.json` is generated from the structs and the table; `make docs` writes it again."""
    assert (ROOT / "docs" / "openapi.json").read_bytes() == DOCUMENT


def test_every_operation_is_described_and_every_reference_resolves() -> None:
    """Nothing is undocumented, and no schema is missing."""
    found = json.loads(DOCUMENT)
    described = {(path, method.upper()) for path, row in found["paths"].items() for method in row}
    assert described == {(row.path, row.method) for row in CHAT.all_operations().rows}

    def references(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    schemas = {f"#/components/schemas/{name}" for name in found["components"]["schemas"]}
    assert references(found) <= schemas


async def test_the_document_is_made_when_someone_asks_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most servers are never asked. A thread makes it, so that no one else waits."""
    makers: list[threading.Thread] = []

    def make(*_: object) -> bytes:
        makers.append(threading.current_thread())
        return b"{}"

    monkeypatch.setattr(openapi, "document", make)
    description = Description(CHAT.name, CHAT.all_operations())
    assert makers == []
    request = Request({"type": "http"})
    answers = [await description.describe(request) for _ in range(2)]
    assert [answer.body for answer in answers] == [b"{}", b"{}"]
    assert len(makers) == 1
    assert makers[0] is not threading.current_thread()
