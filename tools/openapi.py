"""The checked-in copy of the OpenAPI document that the chat's server makes from its tables of operations."""

from pathlib import Path

from parlour_server.chat_program import CHAT
from parlour_server.kit.api.openapi import document
from parlour_server.kit.api.operations import Operations


def files() -> dict[Path, str]:
    """Return what the generated file should hold."""
    found = document(Operations(CHAT.operations), title=CHAT.name.title, summary=CHAT.api_summary)
    return {Path("docs/openapi.json"): found.decode()}
