"""The README's commands are real: each is parsed by the program that it calls."""

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from parlour_client.cli.root import cli as parlour
from parlour_server.cli.command_line import COMMAND_LINE

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS: dict[str, click.Group] = {"parlour": parlour, "parlour-server": COMMAND_LINE.group}


def commands() -> list[list[str]]:
    """Return the words of every command in the README's shell blocks, pipes taken apart."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            while "|" in words:
                at = words.index("|")
                found.append(words[:at])
                words = words[at + 1 :]
            found.append([word for word in words if word != "&"])
    return [words for words in found if words]


def test_there_is_something_to_look_at() -> None:
    """The README has commands of every kind that is checked here, so that none is skipped silently."""
    assert {words[0] for words in commands()} == {
        "make",
        "pip",
        "parlour",
        "parlour-server",
        "echo",
        "cd",
        "uv",
        "uvx",
    }


@pytest.mark.parametrize("words", [w for w in commands() if w[0] in PROGRAMS], ids=" ".join)
def test_a_command_is_understood(words: list[str]) -> None:
    """Each command exists, and takes the options and arguments that the README gives it."""
    command: click.Command = PROGRAMS[words[0]]
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


def test_the_install_command_names_an_extra_that_exists() -> None:
    """`pip install '.[NAME]'` is what pip understands; another form fails, and so does an unknown extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for words in [w for w in commands() if w[0] == "pip"]:
        asked = re.fullmatch(r"\.\[(\w+)\]", words[-1])
        assert asked is not None
        assert asked[1] in extras


def test_the_make_targets_exist() -> None:
    """Each `make TARGET` of the README is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text()
    assert all(re.search(rf"^{w[1]}:", makefile, re.MULTILINE) for w in commands() if w[0] == "make")
