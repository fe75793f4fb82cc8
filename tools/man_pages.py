"""The man pages, one a program, written from the same click commands as `--help`.

click-man writes a page for each command, but not for commands that are loaded when they are called, as the
client's are, and neither examples nor arguments.
"""

import re
import tomllib
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

from parlour_client.cli.root import cli as parlour
from parlour_server.chat.cli.command_line import COMMAND_LINE

ROOT = Path(__file__).parents[1]
FOLDER = Path("share/man/man1")
PROGRAMS: Final[dict[str, tuple[click.Command, str, str]]] = {
    "parlour": (parlour, "secure chat in the terminal", "parlour-server"),
    "parlour-server": (COMMAND_LINE.group, "run and administer a Parlour server", "parlour"),
}
"""Each program's commands, what its page's first line says, and the other page."""
_ENDING: Final = """\
.SH EXIT STATUS
0 if all went well, 1 if not, 2 if the command line was not understood.
.SH SEE ALSO
.BR {other} (1)
"""


def files() -> dict[Path, str]:
    """Return the pages."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {FOLDER / f"{name}.1": _page(name, *PROGRAMS[name], version) for name in PROGRAMS}


def _page(name: str, root: click.Command, summary: str, other: str, version: str) -> str:
    context = click.Context(root, info_name=name, **root.context_settings)
    lines = [
        f'.TH {_escaped(name.upper())} 1 "" "Parlour {version}" "Parlour"',
        ".SH NAME",
        f"{_escaped(name)} \\- {summary}",
        ".SH SYNOPSIS",
        *_usage(context),
        ".SH DESCRIPTION",
        *_prose(root.help),
        *_prose(root.epilog),
        ".SH OPTIONS",
        *_options(context),
        ".SH COMMANDS",
    ]
    for inner in _below(context):
        lines += [f'.SS "{_escaped(inner.command_path)}"', *_usage(inner)]
        lines += [".PP", *_prose(inner.command.help), *_options(inner), *_prose(inner.command.epilog)]
    return "\n".join(lines) + "\n" + _ENDING.format(other=_escaped(other))


def _below(context: click.Context) -> Iterator[click.Context]:
    """Yield the contexts of all commands below one; a group stands before its own."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden:
            inner = click.Context(command, info_name=name, parent=context, **command.context_settings)
            yield inner
            yield from _below(inner)


def _usage(context: click.Context) -> list[str]:
    words = " ".join(context.command.collect_usage_pieces(context))
    return [f".B {_escaped(context.command_path)}", _line(words)]


def _options(context: click.Context) -> list[str]:
    """Return what has an explanation; `--help` has it once, where the page begins."""
    lines: list[str] = []
    for parameter in context.command.get_params(context):
        names, text = parameter.get_help_record(context) or ("", "")
        if text and not ("--help" in parameter.opts and context.parent is not None):
            lines += [".TP", f".B {_escaped(names)}", *_prose(text)]
    return lines


def _prose(text: str | None) -> list[str]:
    """Return paragraphs; the lines of one that begins with click's mark stay as they are."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", cleandoc(text or "").strip()):
        if paragraph.startswith("\b"):
            first, *rest = paragraph.removeprefix("\b").strip("\n").split("\n")
            lines += [".PP", _line(first), ".PP", ".EX", *map(_line, rest), ".EE"]
        elif paragraph:
            lines += [*([".PP"] if lines else []), *map(_line, paragraph.split("\n"))]
    return lines


def _line(text: str) -> str:
    """Return a line of text. What stands between backticks is bold, and no line is a request to roff."""
    text = re.sub(r"`([^`]+)`", r"\\fB\1\\fP", _escaped(text))
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return text.replace("'", "\\(aq").replace("^", "\\(ha").replace("~", "\\(ti").replace('"', "\\(dq")
