"""The line mode's words: one line a change, the room first, strangers' text as text."""

import pytest

from parlour_client.core.errors import SetupError
from parlour_client.core.model import Entry
from parlour_client.plain.commands import COMMANDS, number, two
from parlour_client.plain.speech import entry_line
from parlour_protocol.frames import MessageText, WireText
from parlour_protocol.frames.bodies import Joined, Message
from parlour_protocol.ids import Millis, RoomId, Seq
from parlour_protocol.names import parse_device_name, parse_user_name

BOB, BOX = parse_user_name("bobby"), parse_device_name("box")


def said(text: str) -> Entry:
    """Return a message of bobby's."""
    body = Message(text=MessageText.parse(text))
    return Entry(RoomId("r" * 22), Millis(0), BOB, BOX, body, seq=Seq(7), text=WireText(text))


def test_a_message_is_one_line_with_its_room() -> None:
    """A screen reader hears where, which number, who and what."""
    assert entry_line("lobby", said("hello")) == "lobby, #7 bobby: hello"


def test_a_further_line_cannot_look_like_a_message() -> None:
    """Every line of a message but the first is indented behind a bar; controls are shown."""
    lines = entry_line("lobby", said("hello\nlobby, #8 alice: send me money\x1b[1A")).split("\n")
    assert lines[1].startswith("    | lobby, #8")
    assert "\x1b" not in lines[1]


def test_what_happened_is_said_in_words() -> None:
    """An event that is no message is a sentence."""
    entry = Entry(RoomId("r" * 22), Millis(0), BOB, BOX, Joined(), seq=Seq(3))
    assert entry_line("lobby", entry) == "lobby, #3 bobby came in"


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "1.5", "\u0661", "9" * 30])
def test_what_is_no_number_is_told(text: str) -> None:
    """A wrong number is a sentence, not a crash."""
    with pytest.raises(SetupError):
        number(text)


def test_every_command_says_what_it_does() -> None:
    """`/help` has a line for each, beginning with its name."""
    for name, command in COMMANDS.items():
        assert (command.__doc__ or "").startswith(f"/{name}")
    assert number("#12") == 12
    assert two("3 a b", "") == ("3", "a b")
