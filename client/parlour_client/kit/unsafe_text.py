"""Finds the places in a program's sources where text could be taken for markup, for its tests.

Textual reads `[/nope]` in a title or a tooltip as markup and ends the program. A linter can ban widgets
(`TID251` in the project of `parlour new`); what is assigned to an attribute is found here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

_TITLES: Final = {"border_title", "border_subtitle", "tooltip", "title", "sub_title"}
_CALLS: Final = {"from_markup", "with_tooltip"}
_TEXT: Final = " reads markup: use own and peer_line of parlour_client.kit.widgets.safe"
_TITLE: Final = " reads markup: use title_pane of parlour_client.kit.widgets.safe"


def unsafe_lines(package: ModuleType) -> list[str]:
    """Return each place with what to write instead; none is as it should be. Raises SyntaxError."""
    return [
        f"{path.name}:{line}: {instead}"
        for root in package.__path__
        for path in sorted(Path(root).rglob("*.py"))
        for line, instead in _in(ast.parse(path.read_text("utf-8")))
    ]


def _in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                yield from _assigned(targets, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
            ):
                yield from _assigned([target], value)
            case ast.Call(func=ast.Name("setattr"), args=[_, ast.Constant(str(name)), *_]) if name in _TITLES:
                yield node.lineno, f"{name}{_TITLE}"
            case ast.Call(func=ast.Attribute(attr=attr)) if attr in _CALLS:
                yield node.lineno, f"{attr}{_TEXT}"
            case ast.keyword(arg="markup", value=ast.Constant(True)):
                yield node.lineno, f"markup=True{_TEXT}"
            case _:
                pass


def _assigned(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(value, ast.Constant):
        return  # the program's own words
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and part.attr in _TITLES:
                yield part.lineno, f"{part.attr}{_TITLE}"
