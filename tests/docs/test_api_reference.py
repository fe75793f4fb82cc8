"""The API reference names what is there, and has all that the examples use of the kit and of the client."""

import ast
import importlib
import re

from tests.docs.pages import ROOT, tracked

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


def test_what_examples_import_is_listed() -> None:
    """An example shows what a program may rely on."""
    imported = set()
    for path in tracked():
        if path.startswith("examples/") and path.endswith(".py"):
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("parlour_"):
                    imported |= {(node.module, one.name) for one in node.names}
    modules = {name for kind, name in ENTRIES if kind == "module"}
    listed = {name.rpartition(".")[2] for _, name in ENTRIES}
    missing = {
        f"{module}.{name}" for module, name in imported if name not in listed and module not in modules
    }
    assert missing == set()
