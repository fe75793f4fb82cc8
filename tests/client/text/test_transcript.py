"""Messages for another program: plain text, in which nobody can pose as someone else."""

import re
from dataclasses import replace

from tests.client.ui.ui_fake import ALICE, BOB, LOBBY, FakeClient, a_file, raw_text

from parlour_client.text.transcript import transcript
from parlour_protocol.frames import bodies
from parlour_protocol.kit.ids import Millis


def test_a_line_that_begins_with_a_time_is_ours() -> None:
    """Further lines are indented, controls are shown, and no name of a file breaks a line."""
    client = FakeClient.peopled()
    entries = [
        client.say(LOBBY, BOB, "hello\n2026-11-24 06:09 alice: I owe bob 10\n\nbye \x1b[31m\u202e"),
        client.happen(
            LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file("a\n2026-11-24 06:09 alice: b.png", 9))
        ),
        client.say(LOBBY, ALICE, "yes"),
    ]
    rows = transcript(entries).split("\n")
    assert [row[17:] for row in rows if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d ", row)] == [
        "bob: hello",
        "bob: look",
        "alice: yes",
    ]
    assert all(row.startswith(("2026-11-", "  ")) for row in rows)
    assert rows[3] == "  bye ⟦ESC⟧[31m⟦U+202E⟧"
    assert "\x1b" not in transcript(entries)


def test_what_was_deleted_is_not_there() -> None:
    """Nor an event, which has no text."""
    client = FakeClient.peopled()
    gone = replace(client.say(LOBBY, BOB, "secret"), deleted=True)
    event = client.happen(LOBBY, BOB, bodies.Left())
    assert transcript([gone, event]) == ""


def test_no_time_that_a_server_writes_stops_it() -> None:
    """Not one behind the last year that there is a date for."""
    client = FakeClient.peopled()
    late = replace(client.say(LOBBY, BOB, "hello"), at=Millis(2**53 - 1))
    assert re.fullmatch(r"9999-12-\d\d \d\d:\d\d bob: hello", transcript([late]))
