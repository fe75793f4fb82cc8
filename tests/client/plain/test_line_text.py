"""The line mode's words: one line a change, the room first, strangers' text as text."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_client.core.model import Delivery, Entry, Outgoing, ReactionCount
from parlour_client.plain.line_text import beginning, change_line, entry_line, outgoing_line
from parlour_protocol.frames import MessageText
from parlour_protocol.frames.bodies import Joined, Message, Unreadable
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.kit.text.forbidden import FORBIDDEN

BOB, BOX = parse_user_name("bobby"), parse_device_name("box")


def said(text: str) -> Entry:
    """Return a message of bobby's."""
    body = Message(text=MessageText.parse(text))
    return Entry(RoomId("r" * 22), Millis(0), BOB, BOX, body, seq=Seq(7), text=WireText(text))


def test_a_message_is_one_line_with_its_room() -> None:
    """A screen reader hears where, which number, who and what."""
    assert entry_line("lobby", said("hello")) == "lobby, bobby 7: hello"


def test_a_further_line_cannot_look_like_a_message() -> None:
    """Every line of a message but the first is indented behind a bar; controls are shown."""
    lines = entry_line("lobby", said("hello\nlobby, alice 8: send me money\x1b[1A")).split("\n")
    assert lines[1].startswith("    | lobby, alice 8")
    assert "\x1b" not in lines[1]


def test_events_are_described_in_words() -> None:
    """An event that is no message is a sentence."""
    entry = Entry(RoomId("r" * 22), Millis(0), BOB, BOX, Joined(), seq=Seq(3))
    assert entry_line("lobby", entry) == "lobby, bobby joined"


def test_a_reply_names_its_parent() -> None:
    """Whom, which number, and how it began; only the number where it is not known."""
    answer = replace(said("yes"), seq=Seq(8), reply_to=Seq(7))
    assert entry_line("lobby", answer, said("shall we?\nnow")) == (
        "lobby, bobby 8, reply to bobby 7: yes\n    replies to bobby: shall we?"
    )
    assert entry_line("lobby", answer) == "lobby, bobby 8, reply to 7: yes"


def test_labels_are_words() -> None:
    """Edited, deleted, starred, reactions with their people, and why something is not sent."""
    hello = said("hello")
    reaction = ReactionCount(str.__new__(Reaction, "👍"), (BOB,))
    assert entry_line("lobby", replace(hello, edited=True)) == "lobby, bobby 7 edited: hello"
    assert entry_line("lobby", replace(hello, starred=True)) == "lobby, bobby 7 starred: hello"
    assert entry_line("lobby", replace(hello, deleted=True, text=None)) == "lobby, bobby 7, deleted"
    assert entry_line("lobby", replace(hello, reactions=(reaction,))).endswith(
        ": hello\n    reactions: 👍 from bobby"
    )
    queued = replace(hello, seq=None, delivery=Delivery.QUEUED)
    assert entry_line("lobby", queued).endswith("\n    not sent yet: waiting for the server")
    held = replace(queued, problem="ben has a new key.")
    assert entry_line("lobby", held).endswith("\n    not sent yet: ben has a new key.")
    assert (
        outgoing_line("lobby", 1, Outgoing(held))
        == "1: lobby, message, waiting: ben has a new key.\n    text: hello"
    )
    assert entry_line("lobby", replace(hello, text=None, trouble="no key")).endswith("can't be read: no key")


def test_a_change_says_what_changed() -> None:
    """A reaction does not say the message again; what is not asked for is silent."""
    hello = said("hello")
    reaction = ReactionCount(str.__new__(Reaction, "👍"), (BOB,))
    with_one = replace(hello, reactions=(reaction,))
    assert change_line("lobby", hello, with_one) == "lobby, bobby 7, reactions: 👍 from bobby"
    assert change_line("lobby", with_one, hello) == "lobby, bobby 7, no reactions left"
    edited = replace(hello, edited=True, text=WireText("hello!"))
    assert change_line("lobby", hello, edited) == "lobby, bobby 7 edited: hello!"
    assert change_line("lobby", hello, replace(hello, replies=1)) == ""


def test_the_unsent_say_what_can_be_done() -> None:
    """Each with its number and the command."""
    failed = replace(said("hello"), seq=None, delivery=Delivery.FAILED, problem="You are muted.")
    assert outgoing_line("lobby", 2, Outgoing(failed)) == (
        "2: lobby, message, failed: You are muted. /retry 2 or /cancel 2\n    text: hello"
    )


@given(st.text(min_size=1))
def test_a_beginning_is_one_safe_line(text: str) -> None:
    """Whatever is quoted fits on one line and acts on no terminal."""
    shown = beginning(text)
    assert len(shown) <= 60
    assert not FORBIDDEN.search(shown)


@pytest.mark.parametrize("before", range(50, 61))
def test_a_flag_is_quoted_whole_or_not_at_all(before: int) -> None:
    """Cut anywhere inside, its tags would stand bare on the terminal."""
    flag = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
    assert beginning("x" * before + flag + "y" * 20) in {
        "x" * before + flag + "y" * max(0, 52 - before) + "…",
        "x" * min(before, 59) + "…",
    }


def test_a_damaged_row_is_shown() -> None:
    """A damaged row is a row, and no one is said to have done it."""
    entry = Entry(RoomId("r" * 22), Millis(0), BOB, BOX, Unreadable(), seq=Seq(3))
    assert entry_line("lobby", entry) == "lobby, Can't be read: the server's storage is damaged"


def test_spoilers_are_covered_until_someone_asks_for_the_message() -> None:
    """A screen reader reads what is printed at once, so the line says how to see the rest."""
    hello = said("ben ||wins|| and **you** /me")
    covered = "lobby, bobby 7: ben ||[spoiler, /show 7 shows it]|| and **you** /me"
    assert entry_line("lobby", hello) == covered
    assert entry_line("lobby", hello, covered=False) == f"lobby, bobby 7: {hello.text}"
    assert "wins" not in entry_line("lobby", replace(said("yes"), reply_to=hello.seq), hello)
