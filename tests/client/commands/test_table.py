"""The table reaches every front end: each command is there, or says what is done instead."""

import ast
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from tests.client.commands.giving import results_of

from parlour_client.cli import render as cli_render
from parlour_client.cli.root import written_by_hand
from parlour_client.commands import history, messages, moderation, results, rooms, table
from parlour_client.commands.command import (
    Command,
    Elsewhere,
)
from parlour_client.commands.extra_commands import EXTRA_COMMANDS
from parlour_client.commands.front import Front
from parlour_client.commands.show import lines, records
from parlour_client.commands.table import all_commands, names, see_also, spellings, topics
from parlour_client.plain import render as plain_render
from parlour_client.plain.line_mode import DONE_HERE as LINE_ACTIONS
from parlour_client.plain.line_mode import VIEWS as LINE_VIEWS

NOT_IN_A_SHELL = {
    ("verify", results.ComparisonShown),
    ("report", results.ChoiceWanted),
}
"""Short words are begun by an argument that only chats have; a shell's report must say why."""

FIELDS_OF_THE_SHELL = {results.MessagesFound, results.PinsListed, results.Transfer}
"""Messages are printed with the title of a room that was left, too; a transfer as the file that it saved."""


def test_every_command_is_in_each_front_end_or_says_what_to_do_instead() -> None:
    """A name for each, or a reason."""
    for one in all_commands():
        for front in Front:
            name = one.names[front]
            assert name.instead if isinstance(name, Elsewhere) else name, one.help
        assert any(one.name(front) for front in Front)


@pytest.mark.parametrize("front", Front, ids=lambda front: front.value)
def test_a_name_means_one_command(front: Front) -> None:
    """No two share one."""
    named = [one.name(front) for one in all_commands() if one.name(front)]
    assert len(named) == len(set(named))


def test_a_word_never_names_two_things() -> None:
    """In both chats a word runs the same command, whether it is its name or another word for it."""
    screen, line = spellings(Front.UI), spellings(Front.LINE)
    differing = {word for word in screen.keys() & line.keys() if screen[word] is not line[word]}
    assert not differing
    for front in (Front.UI, Front.LINE):
        words = [
            word for one in all_commands() if one.name(front) for word in (one.name(front), *one.aliases)
        ]
        assert len(words) == len(set(words)), front
        assert not {topic for topic in topics() if topic in words}, "a topic of help is no command"
    said = {word for one in all_commands() for word in one.help.lower().replace(",", " ").split()}
    assert "mute" not in said, "it is what a moderator does to a person; a room is silenced"


def test_words_from_other_programs_are_understood() -> None:
    """As in WeeChat and irssi."""
    known = spellings(Front.UI)
    meant = {
        "msg": "dm",
        "query": "dm",
        "part": "leave",
        "w": "who",
        "names": "who",
        "list": "rooms",
        "j": "join",
    }
    assert {word: known[word].name(Front.UI) for word in meant} == meant
    assert known["away"].name(Front.UI) == "away"


def test_the_table_has_every_command_that_is_defined() -> None:
    """A command that is not listed would be nowhere."""
    tree = ast.parse(inspect.getsource(table))
    modules = [
        getattr(table, alias.asname or alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "parlour_client.commands"
        for alias in node.names
    ]
    defined = [one for module in modules for one in vars(module).values() if isinstance(one, Command)]
    listed = {id(one) for one in all_commands()}
    missing = [one.help for one in defined if id(one) not in listed]
    assert missing == [], "add them to parlour_client/commands/table.py"
    assert len(all_commands()) == len(defined) + len(EXTRA_COMMANDS)


def test_help_is_a_sentence() -> None:
    """With a verb first and no full stop, as every hint."""
    for one in all_commands():
        assert one.help[0].isupper(), one.help
        assert not one.help.endswith("."), one.help


def _shows(show: Callable[..., Any], result: type[results.Result]) -> bool:
    """Say whether a front end prints it by itself, or as its lines."""
    return any(_has(one, result) for one in (show, lines))


def _has(view: Any, result: type[results.Result]) -> bool:
    return view.dispatch(result) is not view.dispatch(object)


def test_the_line_mode_shows_every_result() -> None:
    """What a command can give there is printed, or the line mode does the command by itself."""
    for one in all_commands():
        if one.name(Front.LINE) is None:
            continue
        if one.handler is None:
            assert one.view in LINE_VIEWS, one.help
        for result in results_of(one):
            shows = _shows(plain_render.show, result)
            is_asked = issubclass(result, results.Question)
            assert shows or is_asked or result in LINE_ACTIONS, (one.help, result)


def test_the_command_line_shows_every_result() -> None:
    """What a command can give there is printed; the rest has click code of its own."""
    for one in all_commands():
        name = one.name(Front.CLI)
        if name is None:
            continue
        assert (one.handler is None) == (name in written_by_hand()), name
        for result in results_of(one):
            shows = _shows(cli_render.show, result)
            is_asked = issubclass(result, results.Question)
            assert shows or is_asked or (name, result) in NOT_IN_A_SHELL, (name, result)
    assert set(written_by_hand()) <= set(names(Front.CLI))


def test_what_is_printed_as_json_has_fields() -> None:
    """A command offers `--json` exactly if a result of it has them."""
    for one in all_commands():
        if one.handler is not None and one.name(Front.CLI):
            given = results_of(one)
            has_fields = any(_has(records, result) or result in FIELDS_OF_THE_SHELL for result in given)
            assert one.json == has_fields, one.help


def test_usage_is_made_from_the_arguments() -> None:
    """As help and completion show it."""
    line, screen = names(Front.LINE), names(Front.UI)
    assert line["ban"].usage(Front.LINE) == "/ban PERSON [10m|2h|7d] [REASON] [--yes]"
    assert line["edit"].usage(Front.LINE) == "/edit NUMBER TEXT"
    assert line["delete"].usage(Front.LINE) == "/delete NUMBER [--yes]"
    assert line["encrypt"].usage(Front.LINE) == "/encrypt [for good]"
    assert screen["pin"].usage(Front.UI) == "/pin [on|off]"
    assert screen["create"].usage(Front.UI) == (
        "/create NAME [public] [private] [encrypted] [post-quantum] [TOPIC]"
    )


def test_help_names_the_command_that_undoes_another() -> None:
    """From one field, at both; a switch is undone by `off`."""
    assert see_also(moderation.ban, Front.LINE) == "undone by /unban"
    assert see_also(moderation.unban, Front.UI) == "undoes /ban"
    assert see_also(moderation.ban, Front.CLI) == "undone by parlour room unban"
    assert see_also(rooms.leave, Front.UI) == "also /part; undoes /join"
    assert see_also(messages.pin, Front.UI) == "undone by /pin … off"
    assert see_also(moderation.kick, Front.CLI) == ""


def test_every_command_that_undoes_another_says_so() -> None:
    """By its name, and by one that there is."""
    known = names(Front.UI) | names(Front.LINE)
    for one in all_commands():
        name = one.name(Front.LINE) or one.name(Front.UI) or ""
        assert not one.undoes or one.undoes in known, name
        undoes = name.startswith("un") and name[2:] in known and one is not history.unread
        assert not undoes or one.undoes == name[2:], name
