"""The terminal oracle fails when any of the defences is taken out; test_oracle_corpus.py shows it the corpus."""

# ruff: noqa: E501 - tables of bytes

import base64
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from tests.e2e import terminal_oracle
from tests.e2e.oracle import dialogs, fields, lists, refusals, sealed_stages, stages, terminal
from tests.e2e.oracle.grammar import Reader
from tests.e2e.oracle.grid import Agreeing, Grid, one_each, own_width
from tests.e2e.oracle.hostile_server import HostileServer
from tests.e2e.oracle.run import Stage
from tests.protocol.kit.text.corpus import Entry

from parlour_protocol.frames.fields import TopicText
from parlour_protocol.id_fields import RoomIdField
from parlour_protocol.kit.names import UserName

ROOT = Path(__file__).parents[2]
LAUNCH = (str(ROOT / "tests/e2e/oracle/launch.py"),)
CLEAR = Entry("clear", "\x1b[2J\x1b]0;title\x07 \u202egnp.exe", "escape", "message")
WIDE = Entry(
    "wide",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd " * 9 + "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 6,
    "either",
    "message",
)
WALL = "the last wall had to act"
NUL = Entry("nul", "a\x00b", "reject", "message")


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b[2J", b"\x1b]0;x\x07", b"\x1b]52;c;ZXZpbA==\x07", b"\x1b]8;;http://x\x1b\\y", b"\x1b[c", b"\x1b[>q",
        b"\x1b[6n", b"\x1bc", b"\x1b[?1049l", b"\x1bP$qm\x1b\\", b"\x07", b"\x08", b"\x0b", b"\x7f", b"\xc2\x9b2J", b"\x9b2J",
        b"\xe2\x80\xae", b"\xe2\x81\xa6", b"\xe2\x80\xa8", b"\xf3\xa0\x81\x81", b"\xee\x80\x80", b"\xef\xbb\xbf",
        b"\x1b]9;New message of bob\x07", b"\x1b]777;notify;bob;New message in Parlour\x07", b"\xed\xa0\x80", b"\xef\xbf\xbd", b"\xc2\xad", b"\xe3\x85\xa4", b"\x1b[5A", b"\x1b[?25;1049h", b"\xe2\x80\x8d" * 3,
    ],
    ids=ascii,
)  # fmt: skip
def test_the_reader_takes_nothing_that_acts(data: bytes):
    """Each of these bytes, written by the client, is a failure."""
    reader = Reader()
    reader.feed(b"text " + data + b" text\x1b[0m")
    assert reader.violations


def test_a_replacement_character_is_taken_where_a_text_has_one():
    """A corpus that holds U+FFFD does not blind the reader for what the last wall replaced."""
    for drawn, wrong in (("a\ufffdb", 0), ("\ufffdb", 0), ("a\ufffd[2J", 1), ("x\ufffdb", 1)):
        reader = Reader(["12 a\ufffdb 34"])
        reader.feed(f"{drawn}\x1b[0m".encode())
        assert len(reader.violations) == wrong, drawn


def test_the_reader_takes_what_the_client_needs():
    """Moving, colours, text of many scripts, the flags of three nations; and half a sequence waits."""
    reader = Reader()
    harmless = "\x1b[?1049h\x1b[?2026h\x1b[12;3H\x1b[1;38;2;1;2;3mh\u00e9 \u0628\u200c\u0628 \u2764\ufe0f\x1b[0m\x1b[5G\r\n\x1b[?2026l"
    flag = "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"
    for byte in (harmless + flag + "\x1b[0m").encode():
        reader.feed(bytes([byte]))
    assert reader.violations == []


def test_a_frame_is_half_drawn_until_it_is_complete():
    """Rows that are not redrawn yet still show the screen before: the oracle must not look at them."""
    reader = Reader()
    looks = []
    for part in (b"\x1b[?2026h\x1b[1;1Hnew", b" title\x1b[2;1H", b"new row\x1b[?2026l", b"\x1b[3;1H"):
        reader.feed(part)
        looks.append((reader.in_frame, reader.frames))
    assert looks == [(True, 0), (True, 0), (False, 1), (False, 1)]


def test_the_clipboard_gets_what_is_shown_and_notifications_a_number():
    """What is copied is judged as if it stood on the screen."""
    for text, wrong in (("one\ntwo \u2764\ufe0f", 0), ("a\x1b[2J", 1), ("\u202egnp.exe", 1), ("a\rb", 1)):
        reader = Reader()
        reader.clipboard_allowed = True
        reader.feed(
            b"\x1b]52;c;" + base64.b64encode(text.encode()) + b"\x07\x1b]9;12 new messages in Parlour\x07"
        )
        assert (reader.clipboard, len(reader.violations), reader.news) == ([text], wrong, 1)


def test_a_moved_border_is_seen():
    """A border drawn behind text of disputed width stands elsewhere on another terminal, unless anchored."""
    for anchor, rows in (("", [1]), ("\x1b[20G", [])):
        agreeing, other = Agreeing(40, 2), Grid(40, 2, one_each)
        tokens = Reader().feed(f"\x1b[1;1H\u0915\u093f\u0928\u094d\x1b[0m{anchor}\u258f\x1b[0m".encode())
        agreeing.feed(tokens)
        other.feed(tokens)
        assert list(agreeing.moved(other)) == rows
    assert own_width("\u6f22") == 2


@pytest.mark.long
@pytest.mark.parametrize(
    ("changes", "entry", "what"),
    [
        ("no-rule", CLEAR, "the last wall had to act"),
        ("no-rule,no-guard", CLEAR, "CSI"),
        ("no-anchor", WIDE, "border moved"),
    ],
)
async def test_it_fails_without_a_defence(changes: str, entry: Entry, what: str):
    """Without the rule the last wall is seen to act, without both the text does, without anchors borders move."""
    command = (*LAUNCH, changes)
    failures = await terminal_oracle.show([entry], 1, command=command, chosen=[stages.timeline])
    assert any(what in words for _, _, words in failures), failures


@pytest.mark.long
@pytest.mark.parametrize(("changes", "fails"), [("impatient", False), ("no-veil", True)])
async def test_it_fails_without_anchors_below_a_dialog(changes: str, fails: bool):  # noqa: FBT001 - a parameter
    """Where a dialog lies over disputed text, borders move unless each piece beside it is anchored."""
    command, chosen = (*LAUNCH, changes), [stages.timeline, dialogs.one_line]
    failures = await terminal_oracle.show([WIDE] * 3, 1, command=command, chosen=chosen)
    assert all("border moved" in words for _, _, words in failures), failures
    assert bool(failures) == fails, failures


@pytest.mark.parametrize(
    ("changes", "stage", "place", "what"),
    [
        pytest.param(
            "raw=parlour_client.extras.picture_previews.show.peer_line",
            dialogs.pictures,
            "picture dialog",
            WALL,
            marks=pytest.mark.long,
        ),
        ("raw=parlour_client.ui.chat.message_actions.safe_text", dialogs.whole, "clipboard", "the control"),
        pytest.param(
            "raw=parlour_client.ui.dialogs.message_list.peer_line",
            lists.outbox,
            "outbox",
            WALL,
            marks=pytest.mark.long,
        ),
        ("news", stages.search, "search result", "operating system command"),
    ],
    ids=["file names", "clipboard", "outbox", "notifications"],
)
async def test_it_fails_where_one_view_shows_raw_text(
    changes: str, stage: Stage[HostileServer], place: str, what: str
):
    """A view that forgets the rule is found in its own place."""
    failures = await terminal_oracle.show([CLEAR], 0, command=(*LAUNCH, changes), chosen=[stage])
    assert any(place in where and what in words for where, _, words in failures), failures


async def test_it_fails_where_the_line_mode_shows_raw_text(monkeypatch: pytest.MonkeyPatch):
    """There is no last wall behind it: the text acts."""
    monkeypatch.setattr(terminal, "PATIENCE", 15.0)  # what was wiped away is waited for
    command = (*LAUNCH, "raw=parlour_client.plain.line_text.shown")
    failures = await terminal_oracle.show_lines([CLEAR], 0, command=command)
    assert any("CSI" in words for _, _, words in failures), failures


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ("impatient", ""),
        pytest.param("no-rule", WALL, marks=pytest.mark.long),
        ("no-rule,no-guard", "CSI"),
        ("no-wire", "not refused with a row"),
    ],
)
async def test_it_looks_into_encrypted_messages(changes: str, what: str):
    """What comes out of them is shown by the rule, and what no wire takes is refused inside, too."""
    chosen = [sealed_stages.sealed_timeline, sealed_stages.sealed_refusals]
    failures = await terminal_oracle.show_sealed([CLEAR, NUL], 0, command=(*LAUNCH, changes), chosen=chosen)
    assert any(what in words for _, _, words in failures) if what else not failures, failures


def test_every_text_of_the_protocol_has_its_places():
    """A new field with text needs a row in the table: where it is shown, or why it never is."""
    found = {field for struct in fields.structs() for field in fields.texts_of(struct)}
    assert found == set(fields.TABLE)
    sources = "".join(path.read_text("utf-8") for path in Path(fields.__file__).parent.glob("*.py"))
    for row in fields.TABLE.values():
        for place in row if isinstance(row, tuple) else ():
            # Once in the table of fields, and once where a stage takes the blame for it.
            assert sources.count(f'"{place}') > fields_of(place) or "raw " in place, place


def fields_of(place: str) -> int:
    """Return how often the table itself names a place."""
    return Path(fields.__file__).read_text("utf-8").count(f'"{place}')


class Greeting(msgspec.Struct):
    """A struct that somebody adds and forgets."""

    words: Annotated[tuple[TopicText, ...], msgspec.Meta(max_length=3)]
    who: UserName | None
    free: str
    id: RoomIdField


def test_a_new_text_field_is_seen():
    """In lists, where it may be absent, and as plain text; but no field that has a pattern."""
    assert list(fields.texts_of(Greeting)) == ["Greeting.words", "Greeting.who", "Greeting.free"]


@pytest.mark.long
async def test_it_fails_without_the_first_wall(monkeypatch: pytest.MonkeyPatch):
    """A client that lets NUL across the wire does not say that the frame cannot be read."""
    assert not await terminal_oracle.refuse([NUL], 0, refusals.COMMAND)
    monkeypatch.setattr(terminal, "PATIENCE", 15.0)  # what never comes is waited for
    without = await terminal_oracle.refuse([NUL], 0, (*LAUNCH, "impatient,no-wire"))
    assert any(refusals.SAID[:20] in words for _, _, words in without), without
