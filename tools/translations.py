"""The catalogues of the client's sentences (`make translations`): languages, and what is loaded.

A catalogue has every sentence that the sources give to ``_``, ``ngettext`` and ``N_``, and the help of every
command, which is its function's docstring. ``parlour.po`` of a language is what translators edit;
``parlour.mo``, which the client loads, is compiled from it by every installation (`hatch_build.py`).
"""

import ast
import inspect
import io
import re
import string
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from babel.messages import Catalog, Message
from babel.messages.pofile import read_po, write_po
from hatch_build import compile_catalogues

ROOT: Final = Path(__file__).parents[1]
CLIENT: Final = ROOT / "client"
SOURCES: Final = CLIENT / "parlour_client"
LOCALES: Final = SOURCES / "locales"
LANGUAGES: Final = ("de", "he")
TRANSLATES: Final = frozenset({"_", "N_", "ngettext"})
_UNUSED: Final = (
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Generated-By",
    "Project-Id-Version",
    "Report-Msgid-Bugs-To",
    "Last-Translator",
    "Language-Team",
)
"""Header lines that would differ with each run, or say nothing; git knows who changed what, and when."""
_NUMBERS: Final = frozenset({"count", "size"})
"""What sentences call the number that their form depends on."""
_COMMANDS: Final = frozenset({"command", "group"})
"""Decorators whose function's docstring is the command's help."""


_MAY_HAVE_SOME: Final = re.compile(r"(?<![\w.])(_|N_|ngettext)\(|\b(command|group)\b")
"""Parsing the others would take half of the time."""


class BypassError(Exception):
    """A sentence is written so that it cannot be translated; the text says where, and why."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the sources; ``many`` is its plural."""

    text: str
    many: str
    path: str
    line: int


def sentences(folder: Path = SOURCES, root: Path = CLIENT) -> Iterator[Sentence]:
    """Return every sentence of the sources below ``folder``. Raises BypassError."""
    for path in sorted(folder.rglob("*.py")):
        yield from sentences_of(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())


def sentences_of(source: str, path: str) -> Iterator[Sentence]:
    """Return the sentences of a module. Raises BypassError."""
    if not _MAY_HAVE_SOME.search(source):
        return
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    if any(name in TRANSLATES for node in nodes for name in _binds(node)):
        _check_names(tree, path)
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in TRANSLATES:
                texts = [_literal(one, name, path) for one in node.args[: 2 if name == "ngettext" else 1]]
                yield Sentence(texts[0], texts[1] if len(texts) > 1 else "", path, node.lineno)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from (Sentence(text, "", path, node.lineno) for text in _help(node))


def _literal(node: ast.expr, name: str, path: str) -> str:
    """Return the literal that is given to ``name``; ``_`` may also get a variable that ``N_`` has marked."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr():
            raise BypassError(
                f'{path}:{node.lineno}: {name}() gets an f-string; write {name}("…{{x}}…").format(x=x)'
            )
        case _ if name == "_":
            return ""
    raise BypassError(f"{path}:{node.lineno}: {name}() needs a literal")


_Scope = (
    ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.Lambda
    | ast.ListComp
    | ast.SetComp
    | ast.DictComp
    | ast.GeneratorExp
)


def _check_names(tree: ast.AST, path: str) -> None:
    """Refuse a scope that calls ``_`` and binds it: as a throwaway it would hide the translation."""
    for scope in (one for one in ast.walk(tree) if isinstance(one, _Scope)):
        called = {
            one.func.id
            for one in ast.walk(scope)
            if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
        }
        if hidden := TRANSLATES & called & set(_bound(scope)):
            raise BypassError(f"{path}:{scope.lineno}: this calls {', '.join(hidden)} and binds it")


def _bound(node: ast.AST) -> Iterator[str]:
    """Return the names that a scope binds itself, without the scopes in it."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, _Scope):
            continue
        yield from _binds(one)
        yield from _bound(one)


def _binds(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg


def _help(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Return the help that ``@click.command`` or the table's ``@command`` makes of a docstring."""
    names = {ast.unparse(one.func if isinstance(one, ast.Call) else one) for one in function.decorator_list}
    text = inspect.cleandoc(ast.get_docstring(function) or "")
    if "command" in names:
        first, _, about = text.partition("\n")
        yield from filter(None, (first.rstrip("."), about.strip()))
    elif text and any(name.partition(".")[2] in _COMMANDS for name in names):
        yield text


def template() -> Catalog:
    """Return the catalogue of all sentences, in the order of the sources."""
    catalogue = Catalog(
        project="Parlour", charset="utf-8", header_comment="# Parlour: the client's sentences", fuzzy=False
    )
    for one in sentences():
        if one.text:
            flags = ["python-brace-format"] if fields(one.text) else []
            catalogue.add(
                (one.text, one.many) if one.many else one.text, locations=[(one.path, 0)], flags=flags
            )
    for message in catalogue:
        message.locations = list(dict.fromkeys(message.locations))
    return catalogue


def fields(text: str) -> frozenset[str]:
    """Return the fields of a sentence; a text that ``str.format`` cannot read has none."""
    try:
        return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError:
        return frozenset()


def po_path(language: str) -> Path:
    """Return where translators find a language."""
    return LOCALES / language / "LC_MESSAGES" / "parlour.po"


def read(language: str) -> Catalog:
    """Return a language's catalogue; one that is not there yet is empty."""
    path = po_path(language)
    if not path.exists():
        comment = f"# Parlour in {language}; docs/how-to/translating.md says how."
        return Catalog(
            locale=language, project="Parlour", charset="utf-8", header_comment=comment, fuzzy=False
        )
    with path.open("rb") as file:
        return read_po(file, locale=language, charset="utf-8")


def merged(language: str, wanted: Catalog) -> Catalog:
    """Return a language's catalogue with the sentences of ``wanted``; new ones are empty, old ones gone."""
    catalogue = read(language)
    catalogue.update(wanted, no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def po_text(catalogue: Catalog) -> str:
    """Return the text of a catalogue, the same for the same sentences."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, include_lineno=False, ignore_obsolete=True)
    lines = file.getvalue().decode().splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(tuple(f'"{name}:' for name in _UNUSED)))


def files() -> dict[Path, bytes]:
    """Return every catalogue with what it should hold."""
    wanted = template()
    return {po_path(language): po_text(merged(language, wanted)).encode() for language in LANGUAGES}


def problems(catalogue: Catalog) -> Iterator[str]:
    """Return what is wrong with a language: missing, fuzzy, other fields than the sentence's."""
    for message in catalogue:
        if not message.id:
            continue
        name = _first(message)
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not all(strings):
            yield f"{name!r} is not translated"
        elif message.fuzzy:
            yield f"{name!r} is fuzzy"
        elif not all(_fits(message, one or "") for one in strings):
            yield f"{name!r} has other fields in its translation"


def _first(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple | list) else message.id


def _fits(message: Message, translation: str) -> bool:
    """Say whether a translation has its sentence's fields; a plural form may leave out the number."""
    if not isinstance(message.id, tuple | list):
        return fields(message.id) == fields(translation)
    one, many = map(fields, message.id)
    return (one & many) - _NUMBERS <= fields(translation) <= one | many


def main() -> int:
    """Merge the sentences into each language, and compile them; say what is left to translate."""
    check = "--check" in sys.argv[1:]
    stale = {path: data for path, data in files().items() if not path.exists() or path.read_bytes() != data}
    for path, data in stale.items():
        print(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    if not check:
        compile_catalogues(ROOT)
    left = 0
    for language in LANGUAGES:
        found = list(problems(read(language)))
        left += len(found)
        print(f"{language}: {len(found)} sentences to look at", *found[:20], sep="\n  ")
    return 1 if check and (stale or left) else 0


if __name__ == "__main__":
    sys.exit(main())
