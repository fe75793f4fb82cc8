"""The commands of the kit have the names of the program they belong to."""

import click
import pytest
from click.testing import CliRunner

from parlour_protocol.kit.errors import ProgramError
from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import Capability
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.cli.command_line import COMMAND_LINE
from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.program_name import ProgramName
from parlour_server.host.cli.command_line import CommandLine


def _never() -> BaseApp:
    raise AssertionError("help needs no program")


SHOP = CommandLine(
    ProgramName(word="shop", title="Shop", command="shop-server"),
    _never,
    about="A shop.",
    example="",
    package="parlour",
    capabilities=CAPABILITIES,
)


def _pages(command: click.Command) -> list[str]:
    context = click.Context(command, info_name=command.name)
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return [command.get_help(context), *(page for one in inner for page in _pages(one))]


def test_no_command_names_another_program() -> None:
    """Help, examples and variables of a shop say shop, and no placeholder is left anywhere."""
    pages = _pages(SHOP.group)
    assert len(pages) > 15
    for page in pages:
        assert "parlour" not in page.lower()
        assert "$" not in page
    assert not any("$" in page for page in _pages(COMMAND_LINE.group))
    assert any("database and lobby" in page for page in _pages(COMMAND_LINE.group))


def test_lists_of_commands_have_whole_sentences() -> None:
    """Not cut off where the line ends, as click does."""
    for page in _pages(COMMAND_LINE.group):
        assert "..." not in page.replace("[ARGS]...", "")
    first = COMMAND_LINE.group.get_help(click.Context(COMMAND_LINE.group))
    assert "Back up the whole server, check backups, and restore them." in " ".join(first.split())


def test_the_data_folder_comes_from_the_programs_own_variable() -> None:
    """A command of the chat's own, too, reads PARLOUR_DATA; a shop's reads SHOP_DATA."""
    for line, variable in ((COMMAND_LINE, "PARLOUR_DATA"), (SHOP, "SHOP_DATA")):
        found = {
            parameter.envvar
            for group in line.group.commands.values()
            for command in (group.commands.values() if isinstance(group, click.Group) else (group,))
            for parameter in command.params
            if parameter.name == "data"
        }
        assert found == {variable}


def test_a_program_may_replace_a_command() -> None:
    """The chat's `invite create` takes the inviter; the kit's does not."""
    run = CliRunner().invoke
    assert "--by" in run(COMMAND_LINE.group, ["invite", "create", "--help"]).output
    assert "--by" not in run(SHOP.group, ["invite", "create", "--help"]).output


def test_an_invite_has_a_role_of_the_program(folder: DataFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """The kit's own command asks the program which there are."""
    line = CommandLine(NAME, lambda: CHAT, about="", example="")
    words = ("invite", "create", "--data", str(folder.path), "--role")
    assert line.run([*words, "admin"]) == 2
    assert f"--role is one of {', '.join(CHAT.invite_roles)}." in capsys.readouterr().err
    assert line.run([*words, CHAT.invite_roles[0]]) == 0


def _group(name: str, *commands: str) -> click.Group:
    return click.Group(name, commands=[click.Command(one) for one in commands], help=f"{commands[0]} first")


def test_groups_of_one_name_are_one() -> None:
    """Two capabilities have commands of one group; two commands of one name are a mistake."""
    some = Capability(name="some", commands=(_group("shelf", "show"),))
    more = Capability(name="more", commands=(_group("shelf", "fill"),))
    name = ProgramName(word="shop", title="Shop", command="shop-server")
    both = CommandLine(name, _never, about="", example="", capabilities=(some, more)).group.commands["shelf"]
    assert isinstance(both, click.Group)
    assert sorted(both.commands) == ["fill", "show"]
    assert both.help == "show first"
    twice = Capability(name="twice", commands=(click.Command("shelf"),))
    with pytest.raises(ProgramError, match="shelf"):
        CommandLine(name, _never, about="", example="", capabilities=(some, twice))
