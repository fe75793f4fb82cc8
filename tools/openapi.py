"""The checked-in copy of the OpenAPI document that the server makes from its own table of operations."""

from pathlib import Path

from parlour_server.kit.api.openapi import document


def files() -> dict[Path, str]:
    """Return what the generated file should hold."""
    return {Path("docs/openapi.json"): document().decode()}
