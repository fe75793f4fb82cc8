"""What people read on a terminal: no row of a stranger's words begins where a line of Parlour's would."""

import fcntl
import os
import re
import struct
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import pyte
import pytest
from tests.client.core.core_fake import BEGIN, BOB, LAPTOP, LOBBY
from tests.client.ui.ui_fake import FakeClient

import parlour_client
from parlour_client.cli import render as words
from parlour_client.cli.tail import print_event
from parlour_client.core.model import Entry, Room
from parlour_client.core.settings import Settings
from parlour_client.kit.console.printing import echo
from parlour_client.plain.line_mode import LineMode, speak
from parlour_client.plain.line_text import Ours, entry_line, more, spoken
from parlour_protocol.frames import AnyBody, LogEvent, MessageText
from parlour_protocol.frames.bodies import FileRef, Kicked, Message, TopicSet
from parlour_protocol.frames.fields import FileName, TopicText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.text.rows import BAR
from parlour_protocol.rooms import Role, RoomKind

COLUMNS, ROWS = 80, 60
SPOOF = "22:03 admin: send me your password"
PADDINGS = {
    "spaces": " " * 200,
    "no-break": "\u00a0" * 200,
    "wide": "\u3000" * 100,
    "braille": "\u2800" * 200,
    "letters": "x" * 200,
    "thai": "\u0e01\u0e49" * 80,
    "emoji": "\U0001f600" * 90,
    "families": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 40,
}
ROOM = Room(LOBBY, RoomKind.PRIVATE, Role.MEMBER, Seq(1), Seq(0), 0, 0, 2, encrypted=False)


@dataclass
class Screen:
    """A terminal: what is written to ``stream`` is drawn by an emulator that breaks rows itself."""

    master: int
    stream: TextIO

    def resize(self, columns: int) -> None:
        """Make it so wide."""
        fcntl.ioctl(self.stream.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))

    def rows(self, columns: int = COLUMNS) -> list[str]:
        """Return what it shows."""
        self.stream.flush()
        screen = pyte.Screen(columns, ROWS)
        pyte.ByteStream(screen).feed(os.read(self.master, 1 << 16))
        return [row.rstrip() for row in screen.display if row.strip()]


@contextmanager
def on_terminal() -> Iterator[Screen]:
    """Give the standard output and error to a terminal."""
    master, slave = os.openpty()
    os.set_blocking(master, False)  # what was not written fails; no one waits for it
    try:
        with os.fdopen(slave, "w", encoding="utf-8", buffering=1) as stream:
            screen = Screen(master, stream)
            screen.resize(COLUMNS)
            with redirect_stdout(stream), redirect_stderr(stream):
                yield screen
    finally:
        os.close(master)


def event(body: AnyBody) -> LogEvent:
    """Return an event of a room."""
    return LogEvent(room=LOBBY, seq=Seq(1), at=Millis(BEGIN), author=BOB, device=LAPTOP, body=body)


def message(text: str) -> Message:
    """Return a message."""
    return Message(text=MessageText.parse(text))


def assert_no_spoof(rows: list[str], mark: str = BAR) -> None:
    """All rows but the first begin with the bar, or with the word that the line mode has for it."""
    assert len(rows) > 1
    assert [row for row in rows[1:] if not row.startswith(mark.rstrip())] == []


@pytest.mark.parametrize("padding", PADDINGS.values(), ids=PADDINGS.keys())
def test_tail_and_export_break_their_rows_themselves(padding: str) -> None:
    """A message padded to the width of the terminal makes no second message."""
    with on_terminal() as terminal:
        print_event(ROOM, event(message(f"hi{padding}{SPOOF}")), as_json=False)
        assert_no_spoof(terminal.rows())


@pytest.mark.parametrize("break_", ["\n", "\r\n", "\n\n\n"], ids=ascii)
def test_a_line_break_of_a_stranger_begins_behind_the_bar(break_: str) -> None:
    """As it always did, and with a bar that tells it from an indent."""
    with on_terminal() as terminal:
        print_event(ROOM, event(message(f"hi{break_}{SPOOF}")), as_json=False)
        assert_no_spoof(terminal.rows())


def test_search_breaks_its_rows_itself() -> None:
    """So do the pins and everything else that lists messages."""
    with on_terminal() as terminal:
        text = f"hi{' ' * 70}{SPOOF}"
        found = Entry(LOBBY, Millis(BEGIN), BOB, LAPTOP, message(text), seq=Seq(7), text=WireText(text))
        words.print_entry("lobby", found, as_json=False)
        assert_no_spoof(terminal.rows())


@pytest.mark.parametrize(
    "line",
    [
        f"lobby  public, 3 people: {'x' * 70}{SPOOF}",
        f"parlour: The server says: {' ' * 200}{SPOOF}",
        f"  hint {' ' * 90}{SPOOF}",
    ],
)
def test_topics_reasons_and_hints_are_no_lines_of_their_own(line: str) -> None:
    """Whatever a command prints goes the same way, errors too."""
    with on_terminal() as terminal:
        echo(line, err=True)
        assert_no_spoof(terminal.rows())


def test_the_line_mode_follows_the_size_of_its_terminal() -> None:
    """A row is cut for the terminal as it is now, and begins at its left edge behind what was typed."""
    with on_terminal() as terminal:
        terminal.stream.write("half a sentence")
        speak(f"bob 1: {'y' * 72}{SPOOF}")
        rows = terminal.rows()
        assert rows[0].startswith("bob 1:")
        assert_no_spoof(rows, more())
        terminal.resize(40)
        speak(f"bob 1: {'y' * 32}{SPOOF}")
        assert_no_spoof(terminal.rows(40), more())


@pytest.mark.parametrize(
    "body",
    [
        message(f"hi{' ' * 90}{SPOOF}"),
        TopicSet(topic=TopicText(f"x{' ' * 90}{SPOOF}")),
        Kicked(who=BOB, reason=ReasonText(f"x{' ' * 90}{SPOOF}")),
        Message(
            text=MessageText("see"),
            file=FileRef(
                file=FileId("f" * 22), name=FileName.parse(f"x{' ' * 90}{SPOOF}"),
                media_type="text/plain", size=9, sha256=Digest(bytes(32)),
            ),
        ),
    ],
    ids=lambda body: type(body).__name__,
)  # fmt: skip
async def test_every_field_that_the_line_mode_says_goes_on_behind_a_word(body: AnyBody) -> None:
    """Messages, topics, reasons and names of files."""
    with on_terminal() as terminal:
        client = FakeClient.peopled()
        mode = LineMode(client, speak, Settings())
        room = client.rooms.all[0].id
        text = body.text if isinstance(body, Message) else None
        entry = Entry(room, Millis(BEGIN), BOB, LAPTOP, body, seq=Seq(7), text=text)
        mode.printer.entries([entry])
        ours = (more().rstrip(), "    file text/plain")
        rows = terminal.rows()
        assert len(rows) > 1
        assert [row for row in rows[1:] if not row.startswith(ours)] == []


@pytest.mark.parametrize("print_", [echo, speak])
def test_a_code_is_left_whole(print_: Callable[[str], None]) -> None:
    """It is copied from the terminal, and has nothing of a stranger in it."""
    code = "PARLOUR1:" + "A2" * 50
    with on_terminal() as terminal:
        print_(code)
        terminal.stream.flush()
        written = os.read(terminal.master, 1 << 16).decode()
    assert written.strip() == code


def test_what_is_no_terminal_gets_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe and a file are for programs: nothing is broken there."""
    print_event(ROOM, event(message(f"hi{' ' * 300}{SPOOF}")), as_json=False)
    speak(f"bob 1: {'y' * 300}")
    assert [len(line) > 300 for line in capsys.readouterr().out.splitlines()] == [True, True]


def test_nothing_else_prints_for_people() -> None:
    """A command that printed by itself would leave the breaking of its rows to the terminal."""
    sources = Path(parlour_client.__file__).parent
    printing = {
        f"{path.parent.name}/{path.name}"
        for folder in ("cli", "plain")
        for path in (sources / folder).glob("*.py")
        if re.search(r"\bclick\.echo\(|\bprint\(|stdout\.write|stderr\.write", path.read_text("utf-8"))
    }
    # JSON for scripts, the picture of a code, which is no text, and a link that has to stay in one row.
    assert printing == {"cli/output.py", "cli/render.py", "cli/invite_link.py"}


def test_a_typed_line_is_told_from_a_line_of_ours_on_a_terminal() -> None:
    """What is answered, files and reactions begin with words of ours, and a typed one with the other word."""
    typed = "replies to carol: yes\nfile 9 B\nreactions: x\nmore: x\n    replies to carol: yes\n> carol: yes"
    body = message("shall we?")
    parent = Entry(LOBBY, Millis(BEGIN), BOB, LAPTOP, body, seq=Seq(6), text=WireText("shall we?"))
    entry = replace(parent, body=message(typed), seq=Seq(7), text=WireText(typed), reply_to=Seq(6))
    with on_terminal() as terminal:
        speak(spoken(entry_line("", entry, parent)))
        rows = terminal.rows()
    assert rows[0].endswith(": replies to carol: yes")
    assert [row for row in rows[1:] if not row.startswith(more())] == [f"    replies to {BOB}: shall we?"]


def test_our_own_sentences_go_on_without_a_word() -> None:
    """There is nobody else's text in them, so a listener hears them as they are."""
    with on_terminal() as terminal:
        speak(Ours("You can do this. " * 8))
        rows = terminal.rows()
    assert len(rows) > 1
    assert not [row for row in rows if "more" in row]
