"""Modules that import each other while they are imported can't be read, tested or taken out one by one."""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "protocol/parlour_protocol",
    "protocol/parlour_mls",
    "server/parlour_server",
    "client/parlour_client",
    "lab/parlour_lab",
)
AT_IMPORT, ANYWHERE = 0, 1
"""How many groups of modules may import each other: while they are imported, and at all, which is also in
functions and for type checkers only. Ceilings that may only be lowered."""


def test_no_modules_import_each_other_while_they_are_imported() -> None:
    """None needs another one that needs it: each can be imported first."""
    found = cycles(imports(_run_at_import))
    assert len(found) <= AT_IMPORT, _listed(found)


def test_few_modules_know_each_other() -> None:
    """An import in a function, or for type checkers only, hides a circle from Python and not from readers."""
    found = cycles(imports(ast.walk))
    assert len(found) <= ANYWHERE, _listed(found)


def test_a_cycle_is_found() -> None:
    """Two that import each other are one group; who imports them is not in it."""
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}}
    assert cycles(graph) == [["b", "c"]]


def _listed(found: list[list[str]]) -> str:
    return f"{len(found)} groups of modules import each other:\n" + "\n".join(map(" <-> ".join, found))


def imports(statements: Callable[[ast.AST], Iterator[ast.AST]]) -> dict[str, set[str]]:
    """Return which modules of Parlour each of them imports, in those of its statements."""
    paths = {
        _name(path, ROOT / package): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")
    }
    return {
        name: set(_imported(statements(ast.parse(path.read_text("utf-8"))), name, path, paths))
        for name, path in paths.items()
    }


def _name(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(
    statements: Iterator[ast.AST], name: str, path: Path, known: Mapping[str, Path]
) -> Iterator[str]:
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in statements:
        match node:
            case ast.Import(names=names):
                targets = [one.name for one in names]
            case ast.ImportFrom(names=names, module=module, level=level):
                base = package[: len(package) + 1 - level] if level else []
                start = ".".join([*base, *([module] if module else [])])
                targets = [
                    f"{start}.{one.name}" if f"{start}.{one.name}" in known else start for one in names
                ]
            case _:
                continue
        yield from (target for target in targets if target in known and target != name)


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what runs when a module is imported: nothing of functions, nor what is for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _run_at_import(child)


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules of which each reaches each other (Tarjan's strong components)."""
    reached = {name: _reached(graph, name) for name in graph}
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in graph}
    return sorted(list(group) for group in groups if len(group) > 1)


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for name in graph[waiting.pop()] - found:
            found.add(name)
            waiting.append(name)
    return found
