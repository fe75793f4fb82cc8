"""Peer text has one way into a widget: the sources of the interface are searched for any other."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import parlour_client
from parlour_client.kit.terminal.themes import ROLES

ROOT = Path(parlour_client.__file__).parent
SEARCHES = ROOT / "kit/unsafe_text.py"  # it names what it looks for in the sources of programs
SOURCES = sorted(
    {path for part in ("ui", "kit", "extras") for path in (ROOT / part).rglob("*.py")} - {SEARCHES}
)

ONLY_IN = {
    r"\bStatic\b": {"kit/widgets/safe.py"},
    r"\bContent[.(]": {"kit/widgets/safe.py"},
    r"(?<!\w)Option\(": {"kit/widgets/safe.py"},
    r"\.notify\(": {"ui/toasts.py", "kit/terminal/safe_app.py"},
    r"\bSegment\(": {
        "kit/terminal/column_anchoring.py",
        "kit/terminal/contrast.py",
        "kit/terminal/crash.py",
        "kit/terminal/guard.py",
        "kit/widgets/picture.py",
        "kit/widgets/questions.py",  # the mark of the chosen row
        "ui/chat/timeline/painter.py",
    },
    r"border_title": {"kit/widgets/safe.py"},
    r"\.copy_to_clipboard\(": {"ui/chat/interaction.py"},
    r"sys\.(?:stdout|stderr)|print\(|driver\.write": {
        "ui/__init__.py",
        "kit/terminal/safe_app.py",
        "kit/console/printing.py",
        "kit/demo.py",  # asks whether they are a terminal
        "kit/main.py",  # so does this
        "kit/console/second_factor.py",  # and this
        "extras/company_login/shell.py",  # and this
        "kit/pictures/decoder.py",  # a process of its own, whose output is a pipe
    },
    r"(?<!await self)\.(?:_write|to_terminal)\(": {
        "ui/notifications.py",
        "extras/unread_title/title.py",  # constants and a number: its tests compare every byte
        "kit/terminal/bidi.py",
        "kit/widgets/picture.py",  # what `kit/pictures/protocols.py` makes of pixels: its tests read it back
    },
}
NOWHERE = (
    r"border_subtitle", r"sub_title", r"\.title = ", r"\btooltip\b", r"from_markup",
    r"markup=True", r"\bLabel\b",
    r"\b(?:Tree|DataTable|Markdown|RichLog|Log|Header|Tabs|Tab|Select|Button|Checkbox|Collapsible|Tooltip)\(",
    r"\bopen_url\((?!self)",
    r"@click(?!\.(?:command|option|argument|version_option)\(|\.pass_context\n)",
    r"link=", r"\.splitlines\(", r"rich\.text", r"set_window_title",
    r"\.title\(",
    r"\bset_timer\(",  # Textual drops it when the process stalls: ``Deferred``
)  # fmt: skip
UNSAFE_PARTS = {
    "text",
    "topic",
    "reason",
    "reaction",
    "author",
    "user",
    "users",
    "name",
    "peer",
    "title",
    "problem",
}
UNSAFE_PARTS |= {"server", "security", "hint", "device", "wire"}


def relative(path: Path) -> str:
    """Return the path as the tables name it."""
    return path.relative_to(ROOT).as_posix()


@cache
def code(path: Path) -> str:
    """Return the source without comments and docstrings."""
    return ast.unparse(_without_docs(ast.parse(path.read_text())))


def _without_docs(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value = ast.Constant(0)
    return tree


@pytest.mark.parametrize(("pattern", "files"), ONLY_IN.items())
def test_what_draws_is_made_in_one_place(pattern: str, files: set[str]) -> None:
    """Widgets and content that take a str are used by the safe helpers alone."""
    found = {relative(path) for path in SOURCES if re.search(pattern, _uses(path))}
    assert found <= files
    assert found, "the pattern finds nothing: it is out of date"


@cache
def _uses(path: Path) -> str:
    """Return the code without imports and annotations of names (a type may be named anywhere)."""
    return "\n".join(line for line in code(path).splitlines() if not re.match(r"\s*(?:from|import) ", line))


@pytest.mark.parametrize("pattern", NOWHERE)
def test_what_interprets_text_is_not_used(pattern: str) -> None:
    """Markup, titles, tooltips, links and widgets that take markup stay out."""
    assert not [relative(path) for path in SOURCES if re.search(pattern, _uses(path))]


def test_every_list_is_a_choices() -> None:
    """Made with ``markup=False`` and with the one selection, in one place."""
    lists = [
        relative(path) for path in SOURCES if re.search(r"class \w+\(OptionList|\bOptionList\(", code(path))
    ]
    assert lists == ["kit/widgets/questions.py"]
    assert "markup=False" in code(ROOT / lists[0])
    looks = [*SOURCES, *ROOT.rglob("*.tcss")]
    assert [relative(p) for p in looks if "option-list--option-highlighted" in p.read_text("utf-8")] == lists


def test_own_words_are_own() -> None:
    """``own`` gets literals with numbers, times and words of tables in them, never a name or a text."""
    for path in SOURCES:
        for call in _calls(path):
            if ast.unparse(call.func) == "own" and call.args:
                for part in _inserted(call.args[0]):
                    names = {node.attr for node in ast.walk(part) if isinstance(node, ast.Attribute)}
                    assert not names & UNSAFE_PARTS, f"{relative(path)}: {ast.unparse(call)}"


def _inserted(argument: ast.expr) -> Iterator[ast.expr]:
    if isinstance(argument, ast.JoinedStr):
        for part in argument.values:
            if isinstance(part, ast.FormattedValue) and not _is_count(part.value):
                yield part.value
    elif isinstance(argument, ast.BinOp | ast.IfExp | ast.BoolOp):
        for child in ast.iter_child_nodes(argument):
            if isinstance(child, ast.expr) and not isinstance(child, ast.Compare):
                yield from _inserted(child)
    elif not isinstance(argument, ast.Constant):
        yield argument


def _is_count(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "len"


@cache
def _calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def test_every_binding_has_an_id() -> None:
    """Without one a key cannot be changed."""
    bindings = [call for path in SOURCES for call in _calls(path) if ast.unparse(call.func) == "Binding"]
    assert len(bindings) > 30
    for call in bindings:
        assert any(word.arg == "id" for word in call.keywords), ast.unparse(call)


def test_ids_of_bindings_are_unique() -> None:
    """Two actions with one id would move together."""
    ids = [
        word.value.value
        for path in SOURCES
        for call in _calls(path)
        if ast.unparse(call.func) in {"Binding", "Key"}
        for word in call.keywords
        if word.arg == "id" and isinstance(word.value, ast.Constant)
    ]
    assert len(ids) == len(set(ids))


def test_the_status_line_never_claims_security() -> None:
    """It says what there is, and not that it is secure."""
    assert "secure" not in (ROOT / "kit/widgets/status_line.py").read_text().replace('"secure"', "")


COLOUR = re.compile(r"(?<![\w\\])\$([a-z][a-z-]*[a-z])(?: ([1-9]\d*)%)?")
TEXTUALS = re.compile(r"footer-.*|block-hover-background|text-(?:accent|warning|error|success)")
"""Names of Textual's that are drawn in the colour of a role."""


def test_every_colour_is_a_role() -> None:
    """A part or a shade of one has no contrast that was measured, and no meaning of its own."""
    sheets = {path for part in ("ui", "kit", "extras") for path in (ROOT / part).rglob("*.tcss")}
    others = {
        (path.relative_to(ROOT).as_posix(), found[0])
        for path in {*SOURCES, *sheets} - {ROOT / "kit/terminal/themes.py"}
        for found in COLOUR.finditer(path.read_text(encoding="utf-8"))
        if found[2] or not (found[1] in ROLES or TEXTUALS.fullmatch(found[1]))
    }
    assert not others
