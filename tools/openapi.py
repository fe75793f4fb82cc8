"""The checked-in copy of the OpenAPI document that the chat's server makes from its tables of operations."""

from pathlib import Path

from parlour_server.capabilities.openapi.document import document
from parlour_server.chat.program import CHAT


def files() -> dict[Path, str]:
    """Return what the generated file should hold."""
    return {Path("docs/openapi.json"): document(CHAT.name, CHAT.all_operations()).decode()}
