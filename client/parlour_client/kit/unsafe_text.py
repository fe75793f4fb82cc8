"""Finds the places in a program's sources where text could be taken for markup, for its tests.

Textual reads `[/nope]` in a widget's text, a title or a tooltip as markup and ends the program.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final

_SAFE: Final = "SafeStatic of parlour_client.kit.widgets.safe"
_CHOICES: Final = "Choices of parlour_client.kit.widgets.questions"
_ROWS: Final = "Choices, or rows of SafeStatic"
_SWITCHED: Final = "Choices, and ContentSwitcher"
_SCROLLED: Final = "SafeStatic in a VerticalScroll"
_WIDGETS: Final = {
    **dict.fromkeys(("Static", "Label", "Pretty", "Placeholder", "Tooltip"), _SAFE),
    **dict.fromkeys(("OptionList", "SelectionList", "RadioButton", "RadioSet"), _CHOICES),
    **dict.fromkeys(("DataTable", "Tree", "DirectoryTree"), _ROWS),
    **dict.fromkeys(("Tabs", "Tab", "TabbedContent", "TabPane"), _SWITCHED),
    **dict.fromkeys(("Log", "RichLog", "Markdown", "MarkdownViewer"), _SCROLLED),
    "Button": "SafeButton of parlour_client.kit.widgets.safe",
    "Select": "ChooseScreen of parlour_client.kit.widgets.questions",
    "Checkbox": "Switch, and SafeStatic beside it",
    "Footer": "KeyFooter of parlour_client.kit.widgets.footer",
    "Header": "title_pane of parlour_client.kit.widgets.safe",
    "Collapsible": "SafeStatic, and a Vertical that is shown or not",
    "Link": "SafeStatic: nothing opens an address",
}
"""Of Textual, and what to use instead."""
_MODULES: Final = ("textual.markup", "rich.markup", "rich.text")
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
            case ast.ImportFrom(module=str(module), names=names):
                yield from _imported(node.lineno, module, [alias.name for alias in names])
            case ast.Import(names=names):
                yield from (
                    (node.lineno, f"{alias.name}{_TEXT}") for alias in names if alias.name in _MODULES
                )
            case ast.Attribute(value=ast.Name("widgets") | ast.Attribute(attr="widgets"), attr=name) if (
                name in _WIDGETS
            ):
                yield node.lineno, f"{name} reads markup: use {_WIDGETS[name]}"
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


def _imported(line: int, module: str, names: list[str]) -> Iterator[tuple[int, str]]:
    for name in names:
        if module in _MODULES or f"{module}.{name}" in _MODULES:
            yield line, f"{module}.{name}{_TEXT}"
        elif module.startswith("textual.widgets") and name in _WIDGETS:
            yield line, f"{name} reads markup: use {_WIDGETS[name]}"


def _assigned(targets: list[ast.expr], value: ast.expr) -> Iterator[tuple[int, str]]:
    if isinstance(value, ast.Constant):
        return  # the program's own words
    for target in targets:
        for part in ast.walk(target):
            if isinstance(part, ast.Attribute) and part.attr in _TITLES:
                yield part.lineno, f"{part.attr}{_TITLE}"
