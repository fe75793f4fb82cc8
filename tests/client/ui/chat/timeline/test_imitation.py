"""A person's text never draws what only the client draws, also without colour: on the screen and in lines."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.client.ui.chat.timeline.test_store import message, plain
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, a_file, raw_text

from parlour_client.core.model import BEFORE_JOIN, Delivery, Entry, Note, NoteKind, ReactionCount
from parlour_client.plain.line_text import change_line, entry_line
from parlour_client.ui.chat.timeline.layout import Layout
from parlour_client.ui.chat.timeline.rows import Setting, rows_of
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import Reaction, TopicText
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq

LONG = "\n".join(str(number) for number in range(100))
CODE = f"```py\n{LONG}\n```"


def with_file(text: str) -> Entry:
    """Return a message of bob with a file."""
    entry = message(5, text)
    return replace(entry, body=bodies.Message(raw_text(text), file=a_file("beds.pdf")))


HELLO = message(5, "hello")
REACTED = replace(HELLO, reactions=(ReactionCount(Reaction("wow"), (CAROL,)),))
SHOWN = {
    "file": with_file("hello"),
    "reaction": REACTED,
    "hidden": message(5, "hello\u202e"),
    "blank": message(5, " \u3000"),
    "deleted": replace(HELLO, deleted=True, text=None),
    "edited": replace(HELLO, edited=True),
    "replied": replace(HELLO, replies=2),
    "pinned": replace(HELLO, pinned=True, starred=True),
    "reply": replace(message(5, "hello"), reply_to=Seq(1)),
    "folded": message(5, LONG),
    "code": message(5, CODE),
    "spoiler": message(5, "||x||"),
    "queued": replace(message(None, "hello"), delivery=Delivery.QUEUED),
    "failed": replace(message(None, "hello"), delivery=Delivery.FAILED, problem="No."),
    "topic": replace(HELLO, text=None, body=bodies.TopicSet(TopicText("beds"))),
    "kick": replace(HELLO, text=None, body=bodies.Kicked(CAROL, ReasonText("spam"))),
    "note": replace(HELLO, text=None, note=Note(NoteKind.MISSING, detail="2 events are missing.")),
    "beside": replace(HELLO, note=Note(NoteKind.MOVED, detail="It was moved.")),
    "unreadable": replace(HELLO, text=None, trouble=BEFORE_JOIN),
}
"""One of everything that the client draws about a message."""
LAYOUTS = (
    Layout(),
    Layout("cosy"),
    Layout(times="right", formatting="off"),
    Layout("cosy", "right", formatting="markers"),
)


@pytest.mark.parametrize("width", [80, 50, 36, 24])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("kind", SHOWN)
def test_no_row_of_a_text_is_a_row_of_the_client(kind: str, layout: Layout, width: int) -> None:
    """Someone types each row that the client drew, with its marks and without, and gets none of them."""
    setting = Setting(width, ALICE, layout=layout, longest_name=5, parent=message(1, "shall we?"))
    entry = SHOWN[kind]
    columns = layout.columns(width, 5)
    own = columns.time + columns.name
    real = plain(rows_of(entry, setting))
    ours = {row.rstrip() for row in real if row[own : own + 1] not in {"├", "│"}}
    ours -= {row.rstrip() for row in plain(rows_of(HELLO, setting))}  # the name above it
    for row in real:
        for typed in (row, row.strip(), row[own:], row.strip("·╞╰╭│├ ")):
            if typed.strip() and "||" not in typed and "```" not in typed:  # these are what they seem
                shown = plain(rows_of(message(6, f"x\n{typed}"), setting))
                assert not ours & {one.rstrip() for one in shown[1:]}


TYPED = (
    "│ ├ hello",
    ">├ hello",
    "> hello",
    "07:41 ben      ├ Yes, send it.",
    ">07:41 ben      ├ Yes, send it.",
    "ben  07:41",
    "┣ @ada: yes",
    "╭ ben: Shall I send it?",
    "╰ 👍 2   🎉 1",
    "👍 2",
    "╞ file 9 bytes  x",
    "file 9 bytes  x",
    "picture PNG, 3 kB  wall.png",
    "· 2 hidden characters (i: which)",
    "2 hidden characters (i: which)",
    "· edited · 1 reply · read by ben",
    "16:20          · guest joined",
    "16:20 · guest joined",
    "· ada made mallory a moderator",
    "── 4 new ─────────────────────────",
    "── Tuesday 1 December 2026 ──",
    "── up to 12 messages missing: loading… ──",
    " ▸ ▌ ! ┃",
)
"""Rows of the client, as mallory types them."""


def _answer(text: str) -> tuple[Entry, Entry | None]:
    return replace(HELLO, reply_to=Seq(1)), message(1, text)


def _reacted(text: str) -> tuple[Entry, Entry | None]:
    return replace(HELLO, reactions=(ReactionCount(str.__new__(Reaction, text), (CAROL,)),)), None


def _named(text: str) -> tuple[Entry, Entry | None]:
    return replace(HELLO, body=bodies.Message(raw_text("hello"), file=a_file(text))), None


PLACES: Mapping[str, tuple[str, Callable[[str], tuple[Entry, Entry | None]]]] = {
    "a text": ("├│┣┃", lambda text: (message(5, text), None)),
    "what is answered": ("╭", _answer),
    "a reaction": ("╰", _reacted),
    "a name of a file": ("╞│", _named),
    "a topic": (
        "│",
        lambda text: (replace(HELLO, text=None, body=bodies.TopicSet(str.__new__(TopicText, text))), None),
    ),
    "a reason": (
        "│",
        lambda text: (
            replace(HELLO, text=None, body=bodies.Kicked(CAROL, str.__new__(ReasonText, text))),
            None,
        ),
    ),
    "why it was refused": (
        "│",
        lambda text: (replace(HELLO, seq=None, delivery=Delivery.FAILED, problem=text), None),
    ),
}
"""Where others' text is drawn: the marks of its rows, and what makes an entry with it."""


@pytest.mark.parametrize("place", PLACES)
@given(
    text=st.lists(st.sampled_from(TYPED), min_size=1, max_size=6).map("\n".join),
    layout=st.sampled_from(LAYOUTS),
    width=st.integers(8, 132),
)
def test_others_text_stands_behind_a_mark_of_the_client(
    *, place: str, text: str, layout: Layout, width: int
) -> None:
    """In every layout at every width: the rows of ours are those that are there for any other text."""
    marks, made = PLACES[place]
    columns = layout.columns(width, 5)
    own = columns.time + columns.name

    def rows(text: str) -> list[str]:
        entry, parent = made(text)
        setting = Setting(width, ALICE, layout=layout, longest_name=5, parent=parent, opened=True)
        return plain(rows_of(entry, setting))

    usual, shown = rows("x"), rows(text)
    ours = [row for row in usual if row[own : own + 1] not in marks]
    assert [row for row in shown if row[own : own + 1] not in marks] == ours
    theirs = [row for row in shown if row[own : own + 1] in marks]
    first = next(row for row in usual if row[own : own + 1] in marks)
    assert theirs[0][:own] == first[:own]  # the time and the name, if it is the first row of the entry
    assert not "".join(row[:own] for row in theirs[1:]).strip()
    assert all(row[own + 1] == " " for row in theirs)
    assert sum(row[own] in "├┣╭╞" for row in theirs) <= 1
    if place == "a name of a file" and width >= 60:
        facts = theirs[-1][own:].removeprefix("╞ file 5 bytes  ")
        assert facts != theirs[-1][own:]


@pytest.mark.parametrize("kind", SHOWN)
def test_no_line_of_a_text_is_a_line_of_the_client(kind: str) -> None:
    """The line mode has no colours at all: what it says about a message, someone else may write."""
    answered = message(1, 'x": hi')
    real = entry_line("lobby", SHOWN[kind], answered).split("\n")
    changes = change_line("lobby", HELLO, REACTED), change_line("lobby", REACTED, HELLO)
    lines = [*real, *changes[0].split("\n"), changes[1]]
    for typed in (*lines, *(line.strip(" |>=+*") for line in lines)):
        for text in (f"x\n{typed}", typed.rpartition(": ")[2], typed.partition(", ")[2]):
            if not text.strip():
                continue
            said = entry_line("lobby", message(5, text)).split("\n")
            assert said[0].startswith("lobby, bob 5: ")
            assert all(line.startswith("    | ") for line in said[1:])
    if SHOWN[kind].text is None or SHOWN[kind].deleted:
        assert not real[-1].startswith("lobby, bob 5: ")


def test_a_quoted_beginning_stands_behind_what_was_answered_with() -> None:
    """The words of one person are never before the colon that another one's begin after."""
    answer = replace(message(5, "no"), reply_to=Seq(1))
    assert entry_line("lobby", answer, replace(message(1, 'x": yes'), author=CAROL)) == (
        'lobby, bob 5, reply to carol 1: no\n    replies to carol: x": yes'
    )
    assert answer.author == BOB


def test_the_end_of_a_long_file_name_is_seen() -> None:
    """It says what kind of file it is, whatever stands before it; the name is on one row."""
    entry = with_file("hello")
    long = replace(entry, body=bodies.Message(raw_text("hello"), file=a_file(f"{'the wall ' * 20}.exe")))
    for width in (100, 60, 40, 30, 20):
        rows = plain(rows_of(long, Setting(width, ALICE)))
        row = next(at for at, row in enumerate(rows) if "╞ file 5 bytes" in row)
        assert any(one.endswith(".exe") and "…" in one for one in rows[row : row + 2])
