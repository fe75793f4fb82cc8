"""The revisions that lead to a schema, read from their files: a running server loads no Alembic.

Revisions may branch: the kit's chain goes on while a program's own tables continue from an earlier revision
of it. A database has a row for each end of its branches, as Alembic keeps them.
"""

import ast
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Revisions:
    """The revisions in some folders."""

    known: frozenset[str]
    newest: frozenset[str]
    """The revisions that no other follows or depends on: those of a database with the newest schema."""


def read_revisions(*folders: Path) -> Revisions:
    """Read every revision's file, without running it."""
    known, earlier = set[str](), set[str]()
    for path in (path for folder in folders for path in folder.glob("*.py")):
        found = _constants(path)
        known.update(found.get("revision", ()))
        earlier.update(found.get("down_revision", ()), found.get("depends_on", ()))
    return Revisions(frozenset(known), frozenset(known - earlier))


def _constants(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the strings in the assignments of a module, each as a tuple."""
    found: dict[str, tuple[str, ...]] = {}
    for line in ast.parse(path.read_bytes()).body:
        match line:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
                found[name] = tuple(
                    part.value
                    for part in parts
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
    return found
