"""The code in the guides: parts of the ticker, and recipes that tests apply to it, or to the chat (`chat/…`).

`<!-- code: FILE NAME… -->` shows definitions of a file, and `<!-- recipe: NAME -->` the patch of that name,
with what is reported if a part of it is forgotten. `<!-- excerpt: FILE NAME… -->` shows functions of
Parlour's own, methods too (`Class.method`), with a link to their place.
"""

import ast
import itertools
import re
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.patterns import patterns

ROOT: Final = Path(__file__).parents[1]
GUIDES: Final = (
    Path("docs/tutorials/ticker.md"),
    Path("docs/how-to/extending.md"),
    Path("docs/how-to/capabilities.md"),
    *(one.path for one in patterns()),
)
RECIPES: Final = ROOT / "docs/recipes"

_DEFINITION = re.compile("@|class |def |async ")
_BLOCK = re.compile(r"(<!-- (code|recipe|excerpt): (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A part of a recipe, and what is reported without it."""

    recipe: str
    part: str
    by: str
    """`start`: the server does not start; `import`: nothing starts; `types`: mypy."""
    says: str
    without: str = ""
    """The file whose changes are left out, or"""
    instead: tuple[str, str, str] | None = None
    """a file, and what is replaced in it by what after the whole patch was applied."""


def recipes() -> dict[str, str]:
    """Return the patches by their names."""
    return {
        path.relative_to(RECIPES).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(RECIPES.rglob("*.patch"))
    }


def forgotten() -> list[Forgotten]:
    """Return what can be forgotten."""
    found: dict[str, list[dict[str, Any]]] = tomllib.loads((RECIPES / "forgotten.toml").read_text("utf-8"))
    return [
        Forgotten(recipe=recipe, **{**row, "instead": tuple(row["instead"]) if "instead" in row else None})
        for recipe, rows in found.items()
        for row in rows
    ]


def code(path: str, names: list[str]) -> str:
    """Return the definitions of these names, as they stand in the file. Raises KeyError for a missing one.

    `imports` are all imports, `main` is what runs as a program.
    """
    source = (ROOT / path).read_text(encoding="utf-8")
    lines = source.splitlines()
    found: dict[str, str] = {}
    last, imports = "", len(lines)
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                begin = node.lineno
            case ast.Expr(value=ast.Constant(value=str())) if last:  # the docstring of a name
                found[last] += "\n" + "\n".join(lines[node.lineno - 1 : node.end_lineno])
                continue
            case ast.Import() | ast.ImportFrom():
                name, begin = "imports", min(node.lineno, imports)
                imports = begin
            case ast.If():
                name, begin = "main", node.lineno
            case _:
                last = ""
                continue
        last = name
        found[name] = "\n".join(lines[begin - 1 : node.end_lineno])
    blocks = [found[name] for name in names]
    joined = blocks[0]
    for before, block in itertools.pairwise(blocks):
        short, defines = "\n" not in before + block, _DEFINITION.match(before) or _DEFINITION.match(block)
        joined += ("\n" if short else "\n\n\n" if defines else "\n\n") + block
    return joined


def places(path: str, names: list[str]) -> list[range]:
    """Return the lines of these definitions, from 1, with comments right above. Raises KeyError."""
    source = (ROOT / path).read_text(encoding="utf-8")
    lines = source.splitlines()
    found: dict[str, range] = {}

    def add(nodes: list[ast.stmt], within: str) -> None:
        for node in nodes:
            match node:
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    begin = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                case ast.AnnAssign(target=ast.Name(id=name)):
                    begin = node.lineno
                case _:
                    continue
            while lines[begin - 2].lstrip().startswith("# "):
                begin -= 1
            found[within + name] = range(begin, (node.end_lineno or begin) + 1)
            if isinstance(node, ast.ClassDef):
                add(node.body, f"{within}{name}.")

    add(ast.parse(source).body, "")
    return [found[name] for name in names]


def excerpt(path: str, names: list[str]) -> str:
    """Return definitions as they stand in the file, but for the indentation of a class."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return "\n\n\n".join(
        textwrap.dedent("\n".join(lines[place.start - 1 : place.stop - 1])) for place in places(path, names)
    )


_REPORTS: Final = {
    "start": "the server does not start",
    "import": "neither the server nor the client starts",
    "types": "mypy",
}


def _shown(kind: str, what: str) -> str:
    if kind == "code":
        path, *names = what.split()
        return f"```python\n{code(path, names)}\n```"
    if kind == "excerpt":
        path, *names = what.split()
        begin = places(path, names)[0].start
        return f"[`{path}`](../../{path}#L{begin})\n\n```python\n{excerpt(path, names)}\n```"
    rows = [f"* {one.part}: {_REPORTS[one.by]}, `{one.says}`" for one in forgotten() if one.recipe == what]
    reported = "\n\nWhat is reported if you forget\n\n" + "\n".join(rows) if rows else ""
    return f"```diff\n{recipes()[what]}```{reported}"


def files() -> dict[Path, str]:
    """Return the guides with their code."""
    return {
        page: _BLOCK.sub(
            lambda block: f"{block[1]}\n{_shown(block[2], block[3])}\n\n{block[4]}",
            (ROOT / page).read_text(encoding="utf-8"),
        )
        for page in GUIDES
    }
