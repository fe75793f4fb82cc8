"""The tables of the API reference: shape, unit, errors and source of each name, and a line that runs.

The lines are `docs/reference/api/lines.toml`; `tests/docs/test_api_lines.py` runs them. Everything else is
read from the code.
"""

import importlib
import inspect
import re
import tomllib
from enum import Enum
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = Path("docs/reference/api")
LISTED: Final = re.compile(r"^\.\. auto(class|function|data|module):: ([\w.]+)", re.MULTILINE)
PAGE: Final = FOLDER / "names.md"
_LONGEST: Final = 220
_MODULES: Final = re.compile(r"\b(?:[a-z_]\w*\.)+(?=[A-Za-z_])")
_VALUES: Final = re.compile(
    r" object at 0x[0-9a-f]+|<(?:class|function) '?(?:[\w.]*\.)?(\w+|<lambda>)(?: at 0x[0-9a-f]+|')>"
)
_RAISES: Final = re.compile(r"[Rr]aises? (?:what )?([^.]*\b[A-Z]\w*Error\b[^.]*)\.")
_ERROR: Final = re.compile(r"\b[A-Z]\w*Error\b")
_HEAD: Final = """\
# Every name of the kit in one line

What a program may use, from [protocol.md](protocol.md), [server.md](server.md), [client.md](client.md) and
[testing.md](testing.md): its shape, what it is and in which unit, what it raises, where it is defined, and a
line that a test runs. In the lines `shop` is a program, `world` its server in a test, `anna` someone who is
connected by `socket`, whom the server sees as `peer`; `sales` is a log, `link` and `screen` are of a client,
`http` is a request of the HTTPS API and `here` an empty folder.
"""


def lines() -> dict[str, dict[str, str]]:
    """Return the lines of each page, by name."""
    found: dict[str, dict[str, str]] = tomllib.loads((ROOT / FOLDER / "lines.toml").read_text("utf-8"))
    return found


def listed(page: str) -> list[tuple[str, str]]:
    """Return kind and name of what a page lists, in its order."""
    return LISTED.findall((ROOT / FOLDER / f"{page}.md").read_text("utf-8"))


def object_of(kind: str, name: str) -> Any:
    """Return what has this name."""
    if kind == "module":
        return importlib.import_module(name)
    module, _, member = name.rpartition(".")
    return getattr(importlib.import_module(module), member)


def _shape(kind: str, name: str, found: Any) -> str:
    short = name.rpartition(".")[2]
    if kind in ("data", "module"):
        return short
    if kind == "class" and issubclass(found, Enum):
        return f"{short}: {', '.join(found.__members__)}"
    try:
        signature = str(inspect.signature(found))
    except (TypeError, ValueError):
        return short
    plain = _MODULES.sub("", _VALUES.sub(lambda value: value[1] or "…", signature)).replace("~", "")
    plain = re.sub(r"Annotated\[(\w+), Meta\([^\]]*\)\]", r"\1", plain)
    plain = plain.removesuffix(" -> None") if kind == "class" else plain
    text = short + (plain if len(plain) <= _LONGEST else plain[:_LONGEST] + "…")
    return text.replace("\n", " ")


def _about(found: Any, kind: str, name: str) -> tuple[str, str]:
    """Return the first sentence of what is said of it, and what it raises."""
    text = inspect.getdoc(found) or "" if kind != "data" else _comment(name)
    first = re.split(r"\n\n|(?<=[.:]) (?=[A-Z`])", " ".join(text.split("\n\n")[0].split()))[0]
    methods = vars(found).items() if kind == "class" else ()
    texts = [
        text,
        *(inspect.getdoc(one) or "" for name, one in methods if name[0] != "_" or name == "__init__"),
    ]
    said = [error for text in texts for found in _RAISES.findall(text) for error in _ERROR.findall(found)]
    raised = dict.fromkeys(said)
    return first.replace("``", "`"), ", ".join(f"`{error}`" for error in raised)


def _comment(name: str) -> str:
    """Return the text under a module's variable."""
    module, _, member = name.rpartition(".")
    file = Path(inspect.getfile(importlib.import_module(module)))
    beside = file.parent.glob("*.py") if file.name == "__init__.py" else ()  # a package may re-export it
    source = "".join(path.read_text("utf-8") for path in (file, *beside))
    said = re.search(
        rf'^{member}\b[^=\n]*= (?:[^\n]*|[^\n]*\(\n(?:    [^\n]*\n)+\)[^\n]*)\n"""(.*?)"""',
        source,
        re.MULTILINE | re.DOTALL,
    )
    return said[1] if said else ""


def _row(kind: str, name: str, line: str) -> str:
    found = object_of(kind, name)
    first, raised = _about(found, kind, name)
    place = {"module": name, "data": name.rpartition(".")[0]}.get(kind) or found.__module__
    module = importlib.import_module(place)
    path = Path(inspect.getfile(module)).relative_to(ROOT)
    cells = (f"`{_shape(kind, name, found)}`", first, raised, f"[{path.name}](../../../{path})", f"`{line}`")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", "\\n") for cell in cells) + " |"


def files() -> dict[Path, str]:
    """Return the page."""
    parts = [_HEAD]
    for page, of_names in lines().items():
        rows = [_row(kind, name, of_names[name]) for kind, name in listed(page) if name in of_names]
        head = "| shape | what it is | raises | source | a line |\n| --- | --- | --- | --- | --- |\n"
        parts.append(f"## {page.capitalize()}\n\n{head}" + "\n".join(rows) + "\n")
    return {PAGE: "\n".join(parts)}
