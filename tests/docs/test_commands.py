"""Every command in the documentation is one that its program understands, with its options and arguments.

Blocks of `sh` and `console` are parsed as the program itself parses them. What stands in backticks in a
sentence may leave arguments out; its commands and options must exist. Slash commands are those of the client.
"""

import io
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import PurePosixPath

import click
import pytest
from tests.docs.pages import ROOT, SHELL, Page, commands, pages, shell_lines
from tests.git import tracked

from parlour_client.cli.root import cli as parlour
from parlour_client.commands.front import Front
from parlour_client.commands.table import spellings
from parlour_server.chat.cli.command_line import COMMAND_LINE

PROGRAMS: dict[str, click.Group] = {"parlour": parlour, "parlour-server": COMMAND_LINE.group}
HISTORY = {"CHANGELOG.md"}
"""Pages that tell what was: a command may have been renamed since."""
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
SLASHES = {name for front in (Front.UI, Front.LINE) for name in spellings(front)}
PATHS = {"/chat", "/current", "/data", "/desk", "/healthz", "/metrics", "/poll", "/proc", "/readyz"}
"""Of the HTTP servers, of the system and of examples: they look like slash commands."""
LABEL = re.compile(r"parlour .* v\d")
"""What a signature begins with, in the specification."""
WRAPPERS = {"sudo", "runuser", "env", "exec", "nohup", "time", "uvx", "podman", "docker", "systemd-run"}
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z_0-9]*=.*", re.DOTALL)
PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*|…|\.\.\.")


def command_of(words: list[str]) -> list[str]:
    """Return the words of a command from its program on, without assignments, `sudo` and the like."""
    words = list(words)
    while words and ASSIGNMENT.fullmatch(words[0]):
        words.pop(0)
    at = 0
    if words and words[0] in WRAPPERS:
        if "-u" in words[:2]:
            del words[1:3]  # the account
        at = next((n for n, word in enumerate(words) if PurePosixPath(word).name in PROGRAMS), 0)
    name = PurePosixPath(words[at]).name if words else ""
    return [name, *words[at + 1 :]] if name in PROGRAMS else words


def understand(words: list[str]) -> None:
    """Parse a command as its program does. Raises click's UsageError."""
    command: click.Command = PROGRAMS[words[0]]
    try:
        context = command.make_context(words[0], words[1:])
        while isinstance(command, click.Group):
            rest = [*context._protected_args, *context.args]
            if not rest:
                assert command.invoke_without_command
                return
            _, found, arguments = command.resolve_command(context, rest)
            assert found is not None
            command = found
            context = command.make_context(found.name, arguments, parent=context)
    except click.exceptions.Exit:
        return  # --help, --version


def refused(words: list[str]) -> str:
    """Return why the program refuses a command, or nothing."""
    try:
        understand(words)
    except click.UsageError as error:
        return error.format_message()
    return ""


def every_command(command: click.Command) -> Iterator[click.Command]:
    """Return a command and all below it."""
    yield command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from every_command(inner)


def options_of(command: click.Command) -> dict[str, bool]:
    """Return the options of a command, with whether a value follows."""
    options = [one for one in command.params if isinstance(one, click.Option)]
    return {"-h": False, "--help": False} | {
        name: not one.is_flag and not one.count
        for one in options
        for name in (*one.opts, *one.secondary_opts)
    }


def unknown_part(words: list[str]) -> str | None:
    """Return the first command or option in a sentence's command that does not exist."""
    command: click.Command = PROGRAMS[words[0]]
    options = options_of(command)
    rest = iter(words[1:])
    for word in rest:
        if word.startswith("-"):
            name, _, value = word.partition("=")
            if name not in options:
                return word
            if options[name] and not value:
                next(rest, None)
        elif isinstance(command, click.Group) and not PLACEHOLDER.fullmatch(word):
            inner = command.get_command(click.Context(command), word)
            if inner is None:
                return word
            command = inner
            options |= options_of(command)
        elif isinstance(command, click.Group):
            return None
    return None


@pytest.fixture
def _reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files of an example be any, they are the reader's; and say yes to what asks for it."""
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 100))
    for kind in (click.Path, click.File):
        monkeypatch.setattr(kind, "convert", lambda _self, value, _parameter, _context: value)


def in_blocks(page: Page) -> list[tuple[int, list[str]]]:
    """Return the commands of a page's shell blocks, with the lines where their blocks begin."""
    return [
        (block.line, command_of(words))
        for block in page.blocks
        if block.language in SHELL
        for line in shell_lines(block)
        for words in commands(line)
    ]


PAGES = [page for page in pages() if str(page.path) not in HISTORY]


@pytest.mark.usefixtures("_reader")
def test_commands_in_blocks_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each exists, and takes the options and arguments that the page gives it."""
    wrong, count = [], 0
    for page in PAGES:
        monkeypatch.delenv("PARLOUR_DATA", raising=False)
        for line, words in in_blocks(page):
            if words[:1] == ["export"]:
                name, _, value = words[1].partition("=")
                monkeypatch.setenv(name, value)
            if words and words[0] in PROGRAMS:
                count += 1
                if refusal := refused(words):
                    wrong.append(f"{page.path}:{line}: {shlex.join(words)}: {refusal}")
    assert wrong == []
    assert count > 20


@pytest.mark.usefixtures("_reader")
def test_the_examples_of_help_are_understood() -> None:
    """Each line under "Example" of every command's `--help`."""
    wrong, count = [], 0
    for name, program in PROGRAMS.items():
        for command in every_command(program):
            for line in re.findall(r"^  (\S.*(?:\n    \S.*)*)", command.epilog or "", re.MULTILINE):
                for words in map(command_of, commands(line)):
                    if words and words[0] in PROGRAMS:
                        count += 1
                        if refusal := refused(words):
                            wrong.append(f"{name} {command.name}: {shlex.join(words)}: {refusal}")
    assert wrong == []
    assert count > 40


def test_scripts_modules_and_targets_in_blocks_exist() -> None:
    """`make TARGET`, `python -m MODULE`, `python FILE` and scripts of the repository."""
    wrong = []
    for page in PAGES:
        for line, words in in_blocks(page):
            where = f"{page.path}:{line}: {shlex.join(words)}"
            match words:
                case ["make", target, *_] if target not in TARGETS:
                    wrong.append(where)
                case [python, "-m", module, *_] if PurePosixPath(python).name.startswith("python"):
                    if find_spec(module) is None:
                        wrong.append(where)
                case [python, file, *_] if PurePosixPath(python).name.startswith("python"):
                    if file.endswith(".py") and not {file, str(page.path.parent / file)} & tracked():
                        wrong.append(where)
                case [script, *_] if "/" in script and script.partition("/")[0] in {
                    "deploy",
                    ".ci",
                    "tests",
                    "tools",
                }:
                    if script not in tracked():
                        wrong.append(where)
                case _:
                    pass
    assert wrong == [], "\n".join(wrong)


@pytest.mark.usefixtures("_reader")
def test_commands_in_sentences_exist() -> None:
    """With each of the options that the sentence names."""
    wrong, count = [], 0
    for page in PAGES:
        for code in page.code:
            first, _, rest = code.partition(" ")
            if first in PROGRAMS and rest and not LABEL.fullmatch(code):
                count += 1
                words = [first, *code.replace("…", " … ").split()[1:]]
                if refused(next(commands(code))) and (unknown := unknown_part(words)):
                    wrong.append(f"{page.path}: `{code}`: {unknown}")
            elif (
                first == "make"
                and rest
                and rest.split()[0] not in TARGETS
                and not PLACEHOLDER.fullmatch(rest)
            ):
                wrong.append(f"{page.path}: `{code}`")
    assert wrong == [], "\n".join(wrong)
    assert count > 100


def test_slash_commands_in_sentences_exist() -> None:
    """On the screen or in the line mode."""
    wrong, count = [], 0
    for page in PAGES:
        for code in page.code:
            if (named := re.match(r"/([a-z][a-z-]*)(?= |$)", code)) and named[0] not in PATHS:
                count += 1
                if named[1] not in SLASHES:
                    wrong.append(f"{page.path}: `{code}`")
    assert wrong == [], "\n".join(wrong)
    assert count > 100


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize(
    "line", ["parlour-server invite create --data d --use 5", "parlour-server invites list", "parlour send"]
)
def test_a_command_that_does_not_exist_is_noticed(line: str) -> None:
    """A wrong option, a wrong command, a missing argument."""
    with pytest.raises(click.UsageError):
        understand(line.split())
