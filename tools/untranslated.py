"""Finds sentences of the client that bypass the catalogue (`python -m tools.untranslated [FILE]`).

A literal counts as a sentence if it has several words, or one word where something shows it: a button, a key
of the footer, a toast, a printed line. What is for programs is told apart by its form or its place: SQL,
styles, annotations, names and examples of commands, errors that only a programmer sees. ``EXCEPTIONS`` are
the rest.
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tools.translations import CLIENT, SOURCES, TRANSLATES

_NAME_OF_COMMAND: Final = "the name of a command, or words that are typed"
EXCEPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "parlour_client/cli/output.py": {"parlour: ": "who says it, before a translated sentence"},
    "parlour_client/cli/root.py": {
        "parlour: ": "who says it, before a translated sentence",
        "\b\n{}\n": "an epilog: its lines are translated one by one",
        "backup ": _NAME_OF_COMMAND,
        "recovery ": _NAME_OF_COMMAND,
        "device ": _NAME_OF_COMMAND,
        "room ": _NAME_OF_COMMAND,
        "keys ": _NAME_OF_COMMAND,
        "witness ": _NAME_OF_COMMAND,
    },
    "parlour_client/cli/send.py": {"parlour: ": "who says it, before a translated sentence"},
    "parlour_client/cli/tail.py": {"parlour: ": "who says it, before a translated sentence"},
    "parlour_client/commands/command.py": {"for good": _NAME_OF_COMMAND},
    "parlour_client/commands/view.py": {"settings file": _NAME_OF_COMMAND},
    "parlour_client/commands/verification.py": {"go on": _NAME_OF_COMMAND, "FIVE WORDS|no": _NAME_OF_COMMAND},
    "parlour_client/demo/checks.py": {"": "the report of the demo without a screen, which scripts read"},
    "parlour_client/demo/headless.py": {"": "the same"},
    "parlour_client/demo/next_steps.py": {"parlour": "a command line"},
    "parlour_client/demo/people.py": {"": "what the simulated people write"},
    "parlour_client/demo/screen.py": {"The watering plan": "what the simulated people write"},
    "parlour_client/demo/script.py": {"": "what the simulated people write"},
    "parlour_client/extras/factor_commands/__init__.py": {"security ": _NAME_OF_COMMAND},
    "parlour_client/core/archive/rows.py": {"room, seq, at": "columns of a table"},
    "parlour_client/core/archive/search.py": {"({}) NOT": "a search of SQLite"},
    "parlour_client/core/archive/search_index.py": {"www.": "the beginning of an address"},
    "parlour_client/core/found_words.py": {"L* N* Co So": "categories of Unicode"},
    "parlour_client/core/e2ee/group/seal.py": {"not UTF-8": "compared with an error of the protocol"},
    "parlour_client/core/e2ee/identity/pins.py": {
        "invite link": "a value in the archive",
        "own device": "a value in the archive",
    },
    "parlour_client/core/search_query.py": {"from:NAME": "the words of a search, which are typed"},
    "parlour_client/kit/errors.py": {"a an and": "small words of a server's English sentence"},
    "parlour_client/kit/widgets/footer.py": {
        "bold {} on $footer-key-background": "a style",
        "{} on $footer-description-background": "a style",
    },
    "parlour_client/kit/main.py": {" (Parlour %(version)s)": "a name and a number"},
    "parlour_client/kit/testing.py": {"not all of {}": "for a test"},
    "parlour_client/kit/unsafe_text.py": {"": "for a test"},
    "parlour_client/ui/input/keymap.py": {
        "chat.": "the beginning of a key's id",
    },
    "parlour_client/ui/chat/header.py": {"Parlour": "a name"},
    "parlour_client/ui/welcome.py": {"Parlour": "a name"},
    "parlour_client/kit/widgets/login_screen.py": {"chat.example.org": "an address"},
    "parlour_client/ui/notifications.py": {"display notification ": "a line of AppleScript"},
    "parlour_client/text/code_colours.py": {"": "names of languages, as a code block begins with them"},
    "parlour_client/text/formatting.py": {"www.": "the beginning of an address"},
    "parlour_client/text/link_details.py": {"LATIN LETTER": "the name of a letter in Unicode"},
}
"""By file, the beginning of each literal that is not for people, or not to be translated, and why."""

_WORDS: Final = re.compile(
    r"[A-Za-z]{2,}[\u2019'a-z]*[.,:;!?…]?\s+\S*[A-Za-z]{2,}|[A-Za-z]{3,}[.…?!]$|\ba [a-z]{3,}|^[A-Z][a-z]+ $"
)
_WORD: Final = re.compile(r"[A-Za-z]{3,}")
_SQL: Final = re.compile(
    r"^\s*\(?(SELECT|INSERT|UPDATE|DELETE|CREATE|PRAGMA|WITH|ALTER|DROP|BEGIN|SAVEPOINT|FROM|WHERE|AND|ORDER|SET|ON)\b"
    r"|\b(SELECT|WHERE|BETWEEN|JOIN|MATCH|LIMIT|NOT IN)\b"
)
_TYPE: Final = re.compile(r"^[\w.]+(\[.*\])?( \| [\w.]+(\[.*\])?)*$", re.DOTALL)
_COMMAND: Final = re.compile(r"^ *({} )?(parlour|(-m |uv )?pip install|pipx inject|make|/[a-z]+)( [^.]*)?$")
_STYLE: Final = re.compile(r"^((bold|dim|italic|reverse|underline|on|[#$][\w-]+),? ?)+$")
_STYLES: Final = frozenset({"CSS", "DEFAULT_CSS"})
_FOR_PROGRAMMERS: Final = frozenset(
    {
        "cast",
        "AssertionError",
        "KeyError",
        "LookupError",
        "NotImplementedError",
        "RuntimeError",
        "TypeError",
        "ValueError",
    }
)
_SHOW: Final = frozenset(
    {"Button", "Label", "echo", "say", "tell", "notify", "toast", "prompt", "confirm", "UsageError", "own"}
)
"""Calls whose first argument is shown, so that one word is enough."""
_SHOWN: Final = frozenset({"placeholder", "border_title", "border_subtitle", "tooltip", "help", "prompt"})
"""Keywords and attributes that are shown."""
_NAMES: Final = frozenset(
    {"name", "ui", "line", "cli", "examples", "id", "classes", "epilog", "word", "option"}
)
"""Keywords of commands and widgets that hold names, or command lines."""
_NAMED: Final = frozenset({"command", "_shell"})
"""Calls whose first argument is a command's name."""


@dataclass(frozen=True, slots=True)
class Bypass:
    """A literal that a person may read, and no translator sees."""

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r}"


def bypasses() -> Iterator[Bypass]:
    """Return every sentence of the client that bypasses the catalogue."""
    for path in sorted(SOURCES.rglob("*.py")):
        name = path.relative_to(CLIENT).as_posix()
        known = EXCEPTIONS.get(name, {})
        for one in bypasses_of(path.read_text(encoding="utf-8"), name):
            if not one.text.startswith(tuple(known)):
                yield one


def bypasses_of(source: str, path: str) -> Iterator[Bypass]:
    """Return those of a module, exceptions included."""
    yield from _Walk(source, path).found()


class _Walk:
    """One module with the parents of its nodes."""

    def __init__(self, source: str, path: str) -> None:
        self._path = path
        self._parents: dict[ast.AST, ast.AST] = {}
        self._texts: list[ast.Constant | ast.JoinedStr] = []
        waiting: list[ast.AST] = [ast.parse(source)]
        while waiting:
            node = waiting.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr_context | ast.operator | ast.cmpop):
                    continue
                self._parents[child] = node
                if isinstance(child, ast.JoinedStr) or (
                    isinstance(child, ast.Constant) and isinstance(child.value, str)
                ):
                    self._texts.append(child)
                waiting.append(child)

    def found(self) -> Iterator[Bypass]:
        """Return what it has, in the order of the lines."""
        for node in sorted(self._texts, key=lambda one: (one.lineno, one.col_offset)):
            if isinstance(node, ast.JoinedStr):
                parts = (str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
                text = "".join(parts)
            elif isinstance(self._parents[node], ast.JoinedStr):
                continue
            else:
                text = str(node.value)
            if self._is_read(node, text) and not self._is_for_programs(node, text):
                yield Bypass(self._path, node.lineno, text)

    def _above(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Return each node above with the child that leads down, the nearest first."""
        while node in self._parents:
            yield self._parents[node], node
            node = self._parents[node]

    def _is_read(self, node: ast.AST, text: str) -> bool:
        words = text.replace("{}", " ")
        if _WORDS.search(words):
            return True
        return bool(_WORD.search(words)) and self._is_shown(node)

    def _is_shown(self, node: ast.AST) -> bool:
        for above, child in self._above(node):
            match above:
                case ast.Call(func=ast.Name(id="Binding"), args=args):
                    return child in args[2:3]
                case ast.Call(func=func, args=args) if _name(func) in _SHOW:
                    return child in args[:1]
                case ast.keyword(arg=arg) if arg in _SHOWN:
                    return True
                case ast.Assign(targets=[ast.Attribute(attr=name)]) if name in _SHOWN:
                    return True
                case ast.JoinedStr() | ast.FormattedValue() | ast.IfExp() | ast.BinOp():
                    continue
                case _:
                    return False
        return False

    def _is_for_programs(  # noqa: C901, PLR0911 - one place each
        self, node: ast.AST, text: str
    ) -> bool:
        if (
            isinstance(self._parents[node], ast.Expr)
            or _SQL.search(text)
            or _COMMAND.match(text)
            or _STYLE.match(text)
        ):
            return True
        for above, child in self._above(node):
            match above:
                case ast.Call(func=func) if _name(func) in TRANSLATES | _FOR_PROGRAMMERS:
                    return True
                case ast.Call(func=func, args=[first, *_]) if _name(func) in _NAMED and first is child:
                    return True
                case ast.keyword(arg=arg) if arg in _NAMES and not _has_call(child):
                    return True
                case ast.Assign(targets=[ast.Name(id=name)]) if name in _STYLES:
                    return True
                case ast.AnnAssign(annotation=annotation) if annotation is child and _TYPE.match(text):
                    return True
                case ast.arg() | ast.Subscript() if _TYPE.match(text):
                    return True
                case ast.Assert():
                    return True
                case ast.stmt():
                    return (
                        isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef)
                        and _TYPE.match(text) is not None
                    )
        return False


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _has_call(node: ast.AST) -> bool:
    return any(isinstance(one, ast.Call) for one in ast.walk(node))


def main() -> int:
    """Print them, or those of files whose path has one of the arguments in it."""
    wanted = sys.argv[1:] or [""]
    found = [one for one in bypasses() if any(part in one.path for part in wanted)]
    print(*found, f"{len(found)} sentences bypass the catalogue", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
