"""A name says which thing is meant: no two public classes of the server are called the same."""

import ast
from collections import defaultdict
from pathlib import Path

SERVER = Path(__file__).parents[2] / "server" / "parlour_server"


def test_no_two_classes_have_one_name() -> None:
    """A name in an error message or a search leads to one class."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in SERVER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(SERVER)))
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
