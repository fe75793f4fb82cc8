"""Reading a line of a chat: a command or a message, and each kind of argument."""

from dataclasses import replace
from typing import Any

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.ui_fake import FakeClient

from parlour_client.commands.command import TAKES_THE_REST, Command, Kind
from parlour_client.commands.front import Front
from parlour_client.commands.parse import READERS, read_arguments, read_line, unknown_help
from parlour_client.commands.table import names
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_protocol.kit.ids import DeviceId


def test_every_kind_of_argument_can_be_read_in_a_chat() -> None:
    """Each has its reader."""
    assert set(READERS) == set(Kind)


def test_a_line_is_a_command_or_a_message() -> None:
    """Two slashes begin a message with one; two words can name a command."""
    assert read_line("//help", Front.UI).rest == "/help"
    assert read_line("hello /help", Front.UI).command is None
    assert read_line("/nothing at all", Front.LINE).unknown == "nothing"
    longer = read_line("/devices  revoke 2", Front.LINE)
    assert longer.command is names(Front.LINE)["devices revoke"]
    assert longer.rest == "2"
    assert read_line("/DEVICES", Front.LINE).command is names(Front.LINE)["devices"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [("serach", "search"), ("Mesage", ""), ("moderatign", "moderating"), ("kcik", "kick"), ("\x1b[2J", "")],
)
def test_help_about_an_unknown_word_suggests_a_command_or_a_topic(word: str, hint: str) -> None:
    """The word is shown as text, whatever it has in it."""
    told = unknown_help(word, Front.UI)
    assert str(told).startswith("There is no command or topic ")
    assert "\x1b" not in str(told)
    assert told.hint == (f"Did you mean /help {hint}?" if hint else "/help lists the commands and topics.")


TAKEN = {*TAKES_THE_REST, Kind.PATH, Kind.INVITATION}
"""Kinds of arguments that take whatever is left of a line."""
ENDING = [
    (front, command)
    for front in (Front.UI, Front.LINE)
    for command in names(front).values()
    if not any(front in one.takes.fronts and one.takes.kind in TAKEN for one in command.arguments)
]


@pytest.mark.parametrize(("front", "command"), ENDING, ids=lambda one: getattr(one, "sentence", str(one)))
async def test_words_that_no_argument_takes_are_refused(front: Front, command: Command[..., Any]) -> None:
    """Who wrote them wanted something with them: nothing is done, and nothing dropped in silence."""
    client = FakeClient.peopled()
    call = replace(call_from(client, front), devices=(DeviceId("a" * 26),))
    words = {
        Kind.PERSON: "bob", Kind.PERSON_OR_CODE: "bob", Kind.MESSAGE: "2", Kind.FILE: "2", Kind.DEVICE: "1",
        Kind.ROOM: "garden", Kind.NAMED_ROOM: "garden", Kind.COUNT: "3", Kind.DAYS: "7", Kind.DURATION: "10m",
        Kind.SWITCH: "on", Kind.SETTING: "theme",
    }  # fmt: skip
    given = [
        one.takes.choices[0] if one.takes.choices else words.get(one.takes.kind, "word")
        for one in command.takes(front)
        if one.takes.kind not in {Kind.FLAG, Kind.OUTGOING, Kind.ALARM}
    ]
    with pytest.raises(SetupError) as refused:
        read_arguments(command, " ".join([*given, "and", "more"]), call)
    assert client.calls == []
    assert str(refused.value)


async def test_a_message_after_a_direct_room_is_refused_where_it_would_not_be_sent() -> None:
    """The screen sends it; the line mode opened the room and dropped it."""
    client = FakeClient.peopled()
    with pytest.raises(WrongUseError, match="Write /dm PERSON"):
        await give(client, Front.LINE, "/dm bob hi there")
    assert client.calls == []


@pytest.mark.parametrize("front", [Front.UI, Front.LINE])
@pytest.mark.parametrize(
    "line",
    [
        "/create den --private",
        "/create den --encrypted tea",
        "/create den privat",
        "/create den Encypted tea",
        "/ban bob --for 60",
        "/kick bob --reason noise",
        "/create den --privat",
        "/topic --delete",
        "/kick bob --because of the noise",
    ],
)
async def test_an_option_or_nearly_one_is_no_topic_and_no_reason(
    client: FakeClient, front: Front, line: str
) -> None:
    """`--private` or `privat` as a topic would make the room public, and say so only afterwards."""
    with pytest.raises(WrongUseError):
        await give(client, front, line)
    assert not [call for call in client.calls if call[0] in {"create_room", "ban", "kick", "set_topic"}]


async def test_the_screen_asks_whatever_is_written(client: FakeClient) -> None:
    """There is no `--yes` there, and it is no reason either."""
    with pytest.raises(WrongUseError):
        await give(client, Front.UI, "/kick bob --yes")
