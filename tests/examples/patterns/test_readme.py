"""What the README of the patterns says of them."""

import ast
import inspect
from typing import Any

import pytest
from tests.examples.patterns.servers import FOLDER, PATTERNS, Pattern

from parlour_server.testing import room_attacks, wire_attacks

LINES = 120
README = (FOLDER / "README.md").read_text()
NAMES = ("FastAPI", "Channels", "`websockets`", "aiohttp")


def attacks() -> dict[str, Any]:
    """Return the attacks by their names."""
    found = {}
    for module in (wire_attacks, room_attacks):
        found |= {
            name: value
            for name, value in vars(module).items()
            if name.startswith("test_") and inspect.isfunction(value)
        }
    return found


def table() -> str:
    """Return the table of attacks."""
    rows = ["| attack | what holds | " + " | ".join(NAMES) + " |", "| --- | --- |" + " --- |" * len(NAMES)]
    for name, attack in attacks().items():
        said = (inspect.getdoc(attack) or "").partition("\n")[0]
        passed = [f"no: {why}" if (why := pattern.cannot.get(name)) else "yes" for pattern in PATTERNS]
        title = name.removeprefix("test_").replace("_", " ")
        rows.append(f"| {title} | {said} | " + " | ".join(passed) + " |")
    return "\n".join(rows)


def test_the_table_is_what_is_played() -> None:
    """Each attack is in it, with the frameworks that pass it."""
    shown = README.partition("<!-- attacks -->\n")[2].partition("\n<!-- /attacks -->")[0]
    assert shown == table()


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_a_file_is_short_and_stands_alone(pattern: Pattern) -> None:
    """At most 120 lines, and nothing of another file of the folder."""
    assert len(pattern.source.splitlines()) <= LINES
    modules = [
        node.module for node in ast.walk(ast.parse(pattern.source)) if isinstance(node, ast.ImportFrom)
    ]
    own = {module for module in modules if module and module.startswith("parlour_")}
    assert all(module.startswith(("parlour_protocol.kit.", "parlour_server.standalone.")) for module in own)
    assert pattern.name in README
