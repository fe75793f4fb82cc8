"""Layouts: where names, times and texts are, and that no text can imitate a message."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tests.client.ui.chat.timeline.test_store import DISPUTED, message, plain
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, CAROL, FakeClient

from parlour_client.core.checked_text import reason_text
from parlour_client.ui.app_settings import SettingsApp
from parlour_client.ui.chat.timeline.layout import COLUMNS_FROM, Layout
from parlour_client.ui.chat.timeline.rows import FIRST_GUTTER, Setting, rows_of
from parlour_client.ui.chat.timeline.store import Store
from parlour_client.ui.chat.timeline.wrap import wrapped
from parlour_protocol.frames.bodies import Banned
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.text import safe_text
from parlour_protocol.kit.text.cell_width import cell_width

pytestmark = pytest.mark.usefixtures("in_utc")
LAYOUTS = [
    Layout(style, times, timestamps)
    for style in ("cosy", "compact")
    for times in ("left", "right", "name")
    for timestamps in ("off", "minutes", "seconds")
]
TEXTS = st.one_of(
    st.text(max_size=80), st.lists(st.sampled_from((*DISPUTED, "\n", "├ ", "14:02 "))).map("".join)
)


def drawn(store: Store) -> list[str]:
    """Return all rows of a store, as they read."""
    return [row for index in range(len(store)) for row in plain(store.rows(index))]


def conversation(layout: Layout, width: int) -> list[str]:
    """Return the rows of two messages of bob, one of two lines, and one of carol a minute later."""
    store = Store(
        ALICE,
        [message(1, "hello\nyou"), message(2, "again"), message(3, "good morning", author=CAROL, minutes=1)],
    )
    store.layout = layout
    store.estimate(width)
    return [row.rstrip() for row in drawn(store)][1:]  # without the day


def test_cosy_has_the_time_of_each_message_before_it() -> None:
    """The name once; each message begins with another gutter and its time."""
    assert conversation(Layout(), 40) == [
        "06:00 bob",
        "      ├ hello",
        "      │ you",
        "06:00 ├ again",
        "06:01 carol",
        "      ├ good morning",
    ]


def test_cosy_with_times_at_the_right() -> None:
    """They end where the timeline ends."""
    assert conversation(Layout(times="right"), 30) == [
        "bob                      06:00",
        "├ hello",
        "│ you",
        "├ again                  06:00",
        "carol                    06:01",
        "├ good morning",
    ]


def test_cosy_with_the_time_beside_the_name() -> None:
    """It is the time of all below it: a message of another minute has a name again."""
    store = Store(ALICE, [message(1), message(2), message(3, minutes=1)])
    store.layout = Layout(times="name")
    store.estimate(40)
    assert drawn(store)[1:] == ["bob  06:00", "├ hello", "├ hello", "bob  06:01", "├ hello"]


@pytest.mark.parametrize("times", ["left", "name"])
def test_compact_is_one_row_a_message(times: str) -> None:
    """Time, name and text, in columns as wide as the longest name needs."""
    assert conversation(Layout("compact", times), 40) == [
        "06:00 bob    ├ hello",
        "             │ you",
        "06:00 bob    ├ again",
        "06:01 carol  ├ good morning",
    ]


def test_compact_with_times_at_the_right() -> None:
    """The names begin the rows."""
    assert conversation(Layout("compact", "right"), 40) == [
        "bob    ├ hello                     06:00",
        "       │ you",
        "bob    ├ again                     06:00",
        "carol  ├ good morning              06:01",
    ]


def test_compact_marks_who_is_not_verified() -> None:
    """No name can contain the mark."""
    entry = replace(message(1), sealed=True)
    setting = Setting(40, ALICE, layout=Layout("compact"), longest_name=3, unverified=True)
    assert plain(rows_of(entry, setting)) == ["06:00 bob? ├ hello"]


def test_a_name_that_does_not_fit_its_column_has_a_row() -> None:
    """Cut, it would look like that of another person whose name begins the same."""
    name = parse_user_name("administrator-one")
    setting = Setting(40, ALICE, layout=Layout("compact"), longest_name=17, unverified=True)
    assert [row.rstrip() for row in plain(rows_of(message(1, author=name), setting))] == [
        "06:00 administrator-one  not verified",
        "                  ├ hello",
    ]
    again = plain(rows_of(message(1, author=name), replace(setting, continues=True)))
    assert again == ["06:00             ├ hello"]


def test_a_longer_name_makes_the_column_wider() -> None:
    """For all rows, also those that were drawn before."""
    store = Store(ALICE, [message(1)])
    store.layout = Layout("compact")
    store.estimate(60)
    before = drawn(store)[1].index(FIRST_GUTTER)
    store.put(message(2, author=CAROL))
    assert [row.index(FIRST_GUTTER) for row in drawn(store)[1:]] == [before + 2, before + 2]


@given(text=TEXTS, layout=st.sampled_from(LAYOUTS), width=st.integers(8, 60), unverified=st.booleans())
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


@given(st.lists(st.sampled_from(DISPUTED), min_size=1).map("".join), st.integers(COLUMNS_FROM, 60))
def test_a_time_at_the_right_is_never_cut(text: str, width: int) -> None:
    """However wide a terminal draws the text beside it."""
    setting = Setting(width, ALICE, layout=Layout("compact", "right"), longest_name=3)
    first = rows_of(message(5, text), setting)[0]
    assert first[-1].text == "06:00"
    assert cell_len("".join(piece.text for piece in first)) <= width


def test_a_sentence_of_ours_is_never_cut() -> None:
    """How long a ban lasts stands at its end; further rows are indented: none begins like an event."""
    banned = Banned(CAROL, until=Millis(1_800_000_000_000), reason=reason_text("spam"))
    store = Store(ALICE, [replace(message(1), text=None, body=banned)])
    store.estimate(34)
    assert [row.rstrip() for row in drawn(store)][1:] == [
        "06:00 · bob banned carol until",
        "        2027-01-15 08:00",
        "      │ spam",
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
        assert timeline.render_line(y).text.rstrip() == rows[y]


async def test_a_setting_changes_the_layout_at_once(client: FakeClient, open_app: OpenApp) -> None:
    """Without opening the room again, and the place is kept."""
    async with open_app(client) as pilot:
        await lobby(pilot)
        assert isinstance(pilot.app, SettingsApp)
        pilot.app.set_setting("message_layout", "compact")
        await settled(pilot)
        assert "carol  ├ good morning" in screen_text(pilot)
        pilot.app.set_setting("time_position", "right")
        await settled(pilot)
        assert any(row.split()[-1:] == ["06:01"] for row in screen_text(pilot).split("\n"))
