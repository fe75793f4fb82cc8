"""Layouts: where names, times and texts are, and that no text can imitate a message."""

import re
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.client.ui.chat.timeline.test_store import DISPUTED, message, plain
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, FakeClient, a_file, raw_text

from parlour_client.core.checked_text import reason_text
from parlour_client.core.model import Entry
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.timeline.layout import COMPACT_FROM, Layout
from parlour_client.ui.chat.timeline.pieces import Look
from parlour_client.ui.chat.timeline.rows import FIRST_GUTTER, Setting, rows_of
from parlour_client.ui.chat.timeline.store import Store
from parlour_client.ui.chat.timeline.wrap import wrapped
from parlour_protocol.frames.bodies import Banned, FileRef, Joined, Message
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import cell_width

pytestmark = pytest.mark.usefixtures("in_utc")
STYLES: tuple[Literal["compact", "cosy"], ...] = ("compact", "cosy")
TIMES: tuple[Literal["left", "right"], ...] = ("left", "right")
LAYOUTS = [
    Layout(style, times, timestamps)
    for style in STYLES
    for times in TIMES
    for timestamps in ("off", "minutes", "seconds")
]
TEXTS = st.one_of(
    st.text(max_size=80), st.lists(st.sampled_from((*DISPUTED, "\n", "├ ", "14:02 "))).map("".join)
)


def drawn(store: Store) -> list[str]:
    """Return all rows of a store, as they read."""
    return [row for index in range(len(store)) for row in plain(store.rows(index))]


def with_file(file: FileRef, text: str) -> Entry:
    """Return a message of bob with a file."""
    return replace(message(1, text), body=Message(raw_text(text), file=file))


def conversation(layout: Layout, width: int) -> list[str]:
    """Return the rows of two messages of bob, one of two lines, and one of carol a minute later."""
    store = Store(
        ALICE,
        [message(1, "hello\nyou"), message(2, "again"), message(3, "good morning", author=CAROL, minutes=1)],
    )
    store.layout = layout
    store.estimate(width)
    return [row.rstrip() for row in drawn(store)][1:]  # without the day


def test_compact_is_one_row_a_message() -> None:
    """Time, name and text, in columns as wide as the longest name needs."""
    assert conversation(Layout(), 50) == [
        "06:00 bob    ├ hello",
        "             │ you",
        "06:00 bob    ├ again",
        "06:01 carol  ├ good morning",
    ]


def test_compact_with_times_at_the_right() -> None:
    """The names begin the rows, and the times end where the timeline ends."""
    assert conversation(Layout(times="right"), 50) == [
        "bob    ├ hello                               06:00",
        "       │ you",
        "bob    ├ again                               06:00",
        "carol  ├ good morning                        06:01",
    ]


@pytest.mark.parametrize("width", [36, COMPACT_FROM - 1])
def test_a_narrow_timeline_is_cosy_by_itself(width: int) -> None:
    """Beside two columns too little would be left for the text."""
    assert conversation(Layout(), width) == conversation(Layout("cosy"), width)
    assert conversation(Layout(), COMPACT_FROM) != conversation(Layout("cosy"), COMPACT_FROM)


@pytest.mark.parametrize("width", [20, 36, 100])
def test_cosy_has_names_and_times_above_the_messages(width: int) -> None:
    """The name once, and the marks in the first column."""
    assert conversation(Layout("cosy"), width) == [
        "bob  06:00",
        "├ hello",
        "│ you",
        "├ again",
        "carol  06:01",
        "├ good morning",
    ]


def test_cosy_with_times_at_the_right() -> None:
    """Each message has its own, also below the name of the one before."""
    assert conversation(Layout("cosy", "right"), 30) == [
        "bob                      06:00",
        "├ hello",
        "│ you",
        "├ again                  06:00",
        "carol                    06:01",
        "├ good morning",
    ]


def test_a_time_beside_the_name_is_that_of_all_below_it() -> None:
    """A message of another minute has a name again."""
    store = Store(ALICE, [message(1), message(2), message(3, minutes=1)])
    store.layout = Layout("cosy")
    store.estimate(40)
    assert drawn(store)[1:] == ["bob  06:00", "├ hello", "├ hello", "bob  06:01", "├ hello"]


@pytest.mark.parametrize(
    ("layout", "row"), [(Layout(), "06:00 bob? ├ hello"), (Layout("cosy"), "bob?  06:00")]
)
def test_who_is_not_verified_is_marked(layout: Layout, row: str) -> None:
    """No name can contain the mark; the heading says what it means."""
    entry = replace(message(1), sealed=True)
    setting = Setting(50, ALICE, layout=layout, longest_name=3, unverified=True)
    assert plain(rows_of(entry, setting))[0] == row


def test_a_name_that_does_not_fit_its_column_has_a_row() -> None:
    """Cut, it would look like that of another person whose name begins the same."""
    name = parse_user_name("administrator-one")
    setting = Setting(50, ALICE, longest_name=17, unverified=True)
    assert [row.rstrip() for row in plain(rows_of(message(1, author=name), setting))] == [
        "06:00 administrator-one?",
        "                    ├ hello",
    ]
    again = plain(rows_of(message(1, author=name), replace(setting, continues=True)))
    assert again == ["06:00               ├ hello"]


def test_the_column_of_names_is_for_names_of_authors() -> None:
    """Who only came and went has no name in it."""
    gone = replace(message(1, author=parse_user_name("mallory-the-guest")), text=None, body=Joined())
    store = Store(ALICE, [gone, message(2)])
    store.estimate(60)
    assert drawn(store)[1:] == ["06:00      · mallory-the-guest joined", "06:00 bob  ├ hello"]


def test_a_further_message_of_the_same_person_has_its_name_faint() -> None:
    """The bold ones are where somebody begins; the words and their places are the same."""
    rows = [
        rows_of(message(1), Setting(60, ALICE, longest_name=3, continues=again)) for again in (False, True)
    ]
    names = [next(piece for piece in row[0] if "bob" in piece.text) for row in rows]
    assert [name.look for name in names] == [Look.AUTHOR, Look.AGAIN]
    assert names[0].text == names[1].text


def test_what_became_of_a_message_is_one_row() -> None:
    """Edited, answered, starred, pinned and read: our words, without keys, which the status row has."""
    entry = replace(message(1), edited=True, replies=2, starred=True, pinned=True)
    rows = plain(rows_of(entry, Setting(80, ALICE, longest_name=3, read_by=(BOB, CAROL))))
    assert rows[1:] == [f"{'':11}· edited · 2 replies · starred · pinned · read by bob, carol"]


@pytest.mark.parametrize(
    ("file", "row"),
    [
        (a_file("beds.pdf", 18_200, "application/pdf"), "╞ file 18.2 kB  beds.pdf"),
        (a_file("wall.png", 310_000, "image/png"), "╞ picture PNG, 310 kB  wall.png"),
    ],
)
def test_a_file_is_one_row(file: FileRef, row: str) -> None:
    """A caption that only repeats its name is not shown again; another one stands above it."""
    setting = Setting(80, ALICE, longest_name=3)
    assert plain(rows_of(with_file(file, file.name), setting)) == [f"06:00 bob  {row}"]
    assert plain(rows_of(with_file(file, "look:"), setting)) == ["06:00 bob  ├ look:", f"{'':11}{row}"]


def test_a_file_without_a_caption_hides_nothing_of_its_name() -> None:
    """Neither that it names the reader, nor that there are hidden characters."""
    setting = Setting(80, ALICE, longest_name=3)
    rows = plain(rows_of(with_file(a_file("@alice.txt"), "@alice.txt"), setting))
    assert rows[0] == "06:00 bob  ┣ @alice.txt"
    rows = plain(rows_of(with_file(a_file("a\u202egpj.exe"), "a\u202egpj.exe"), setting))
    assert rows[0].endswith("  a⟦U+202E⟧gpj.exe")
    assert rows[1] == f"{'':11}· 1 hidden character (i: which)"


def test_a_longer_name_makes_the_column_wider() -> None:
    """For all rows, also those that were drawn before."""
    store = Store(ALICE, [message(1)])
    store.estimate(60)
    before = drawn(store)[1].index(FIRST_GUTTER)
    store.put(message(2, author=CAROL))
    assert [row.index(FIRST_GUTTER) for row in drawn(store)[1:]] == [before + 2, before + 2]


@given(text=TEXTS, layout=st.sampled_from(LAYOUTS), width=st.integers(8, 90), unverified=st.booleans())
def test_no_text_can_imitate_a_message(*, text: str, layout: Layout, width: int, unverified: bool) -> None:
    """Before the gutter there is only ours: beside the first row the time and the name, then blanks."""
    entry = replace(message(5, text + "x"), reply_to=None)
    setting = Setting(width, ALICE, layout=layout, longest_name=5, unverified=unverified, opened=True)
    columns = layout.columns(width, 5)
    own = columns.time + columns.name
    rows = plain(rows_of(entry, setting))
    for row in rows:
        assert cell_len(row) <= width
        assert cell_width(row) <= width
    body = rows if columns.name else rows[1:]
    assert body[0][own] == "├"
    assert {row[own] for row in body[1:]} <= {"│", "·", " "}  # further rows of ours are indented
    ours = [row[own + 2 :] for row in body[1:] if row[own] == "·"]
    if columns.text >= 24:  # else they are wrapped
        assert all(re.match(r"\d+ (hidden character|spoiler)|\w+ · \d+ line|code$", one) for one in ours)
    assert not "".join(row[:own] for row in rows[1:]).strip()
    shown = [row[own + 2 :] for row in body]
    lines = ["".join(span.text for span in row) for row in wrapped(safe_text(text + "x"), columns.text)]
    assert shown[1 : len(lines)] == lines[1:]
    assert shown[0].startswith(lines[0])


@given(st.lists(st.sampled_from(DISPUTED), min_size=1).map("".join), st.integers(COMPACT_FROM, 90))
def test_a_time_at_the_right_is_never_cut(text: str, width: int) -> None:
    """However wide a terminal draws the text beside it."""
    setting = Setting(width, ALICE, layout=Layout(times="right"), longest_name=3)
    first = rows_of(message(5, text), setting)[0]
    assert first[-1].text == "06:00"
    assert cell_len("".join(piece.text for piece in first)) <= width


def test_a_sentence_of_ours_is_never_cut() -> None:
    """How long a ban lasts stands at its end; further rows are indented: none begins like an event."""
    banned = Banned(CAROL, until=Millis(1_800_000_000_000), reason=reason_text("spam"))
    store = Store(ALICE, [replace(message(1), text=None, body=banned)])
    store.estimate(34)
    assert [row.rstrip() for row in drawn(store)][1:] == [
        "· bob banned carol until 15 Jan",
        "  2027 08:00  06:00",
        "│ spam",
    ]


async def test_few_messages_are_at_the_bottom(client: FakeClient, open_app: OpenApp) -> None:
    """Right above the composer; jump mode and the selection find them there."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        timeline = screen.pane.timeline
        rows = [timeline.render_line(y).text.rstrip() for y in range(timeline.size.height)]
        assert rows[-1].endswith("├ good morning")
        assert rows[0] == ""
        y, index = timeline.in_sight()[-1]
        assert "carol" in rows[y]
        assert timeline.entries[index].author == CAROL
        timeline.select(index)
        await settled(pilot)
        assert timeline.render_line(y).text.rstrip() == rows[y].replace(" ", ">", 1)


async def test_a_setting_changes_the_layout_at_once(client: FakeClient, open_app: OpenApp) -> None:
    """Without opening the room again, and the place is kept."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        assert "carol  ├ good morning" in screen_text(pilot)
        pilot.app.set_setting("message_layout", "cosy")
        await settled(pilot)
        assert " carol  06:01 " in screen_text(pilot)
        pilot.app.set_setting("time_position", "right")
        await settled(pilot)
        assert any(row.split()[-1:] == ["06:01"] for row in screen_text(pilot).split("\n"))
