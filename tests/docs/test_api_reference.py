"""The API reference names what is there, and has all that the examples use of the kit and of the client."""

import ast
import importlib
import re

from tests.docs.pages import ROOT
from tests.git import tracked

LISTED = re.compile(r"^\.\. auto(class|function|data|module):: ([\w.]+)", re.MULTILINE)
ENTRIES = [
    entry
    for path in sorted(tracked())
    if path.startswith("docs/reference/api/") and path.endswith(".md")
    for entry in LISTED.findall((ROOT / path).read_text(encoding="utf-8"))
]


def test_what_is_listed_exists_and_is_explained() -> None:
    """Classes and functions have a docstring."""
    wrong = []
    for kind, name in ENTRIES:
        if kind == "module":
            continue
        module, _, member = name.rpartition(".")
        found = vars(importlib.import_module(module)).get(member)
        if found is None or (kind != "data" and not found.__doc__):
            wrong.append(name)
    assert wrong == []
    assert len(ENTRIES) > 100


TRANSLATIONS = "docs/how-to/translating.md"  # for the client's own sentences
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _imported(source: str) -> set[str]:
    return {
        f"{node.module}.{one.name}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("parlour_")
        for one in node.names
        if one.name != "*"
    }


def _shown() -> dict[str, set[str]]:
    """Return what examples, recipes for programs and blocks of the guides import, by their files."""
    shown = {}
    for path in tracked():
        text = (ROOT / path).read_text(encoding="utf-8") if path.endswith((".py", ".patch", ".md")) else ""
        if path.startswith("examples/") and path.endswith(".py"):
            shown[path] = _imported(text)
        elif path.startswith("docs/recipes/") and "/chat/" not in path:
            added = "\n".join(line[1:] for line in text.splitlines() if line.startswith("+from parlour_"))
            shown[path] = _imported(added)
        elif path.startswith(("docs/how-to/", "docs/tutorials/")) and path != TRANSLATIONS:
            shown[path] = {name for block in BLOCK.findall(text) for name in _imported(block)}
    return shown


def test_what_is_shown_is_listed() -> None:
    """A program may rely on what an example, a recipe or a guide imports, so the reference has it."""
    modules = {name for kind, name in ENTRIES if kind == "module"}
    listed = {name for _, name in ENTRIES}
    missing = {
        name: path
        for path, names in _shown().items()
        for name in names
        if name not in listed and name.rpartition(".")[0] not in modules
    }
    assert missing == {}
    assert len({name for names in _shown().values() for name in names}) > 70
