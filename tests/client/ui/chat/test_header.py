"""The heading by itself: the room, its encryption, and what must not be missed."""

from dataclasses import replace

import pytest
from tests.client.ui.ui_fake import LOBBY, FakeClient
from textual.app import App, ComposeResult

from parlour_client.core.e2ee.values import RoomEncryption, RoomState
from parlour_client.kit.language import _, language, ngettext
from parlour_client.kit.terminal.safe_app import SafeApp
from parlour_client.kit.widgets.safe import SafeStatic, own
from parlour_client.text.retention_text import retention_short
from parlour_client.ui.chat.header import RoomHeader, Words, heading
from parlour_protocol.frames.replies import Retention
from parlour_protocol.kit.ids import Millis

ENCRYPTED = RoomEncryption(
    RoomState.ACTIVE, "Encrypted · guest, mallory not verified", short="Encrypted · 2 not verified"
)


class Alone(SafeApp):
    """Nothing but a header."""

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield RoomHeader()


def shown(app: App[None], *names: str) -> list[str]:
    """Return what these rows show."""
    return [
        str(row.render()) if row.display else ""
        for row in (app.query_one(f"#{name}", SafeStatic) for name in names)
    ]


async def test_it_shows_what_it_is_given(client: FakeClient) -> None:
    """In as few rows as there is something to say."""
    room = client.rooms.get(LOBBY)
    assert room is not None
    rows = ("heading", "about", "topic", "alarm")
    async with Alone().run_test(size=(80, 30)) as pilot:
        header = pilot.app.query_one(RoomHeader)
        header.show_room(room, peeking=False)
        header.show_encryption(client.encryption.room(LOBBY))
        await pilot.pause()
        label = client.encryption.room(LOBBY).label
        assert shown(pilot.app, *rows) == [
            f"{f'#lobby  {label}':<70}3 people",
            "",
            "│ Everybody is welcome",
            "",
        ]
        header.show_room(replace(room, request=True), peeking=True)
        header.show_alarms([Words(own("a key has changed")), Words(own("a device is waiting"))])
        await pilot.pause()
        assert shown(pilot.app, *rows) == [
            f"{'#lobby  ! wants to chat: /accept /decline /block':<70}3 people",
            f"{label} · peek: Alt+R marks read",
            "",  # the state has its row
            "a key has changed\na device is waiting",
        ]
        header.show_room(None, peeking=False)
        header.show_encryption(None)
        header.show_alarms([])
        await pilot.pause()
        assert shown(pilot.app, *rows) == ["Parlour", "", "", ""]


async def test_what_needs_the_person_is_in_sight_in_a_narrow_window(client: FakeClient) -> None:
    """Facts about the room have rows below it; of how long messages are kept, the length comes first."""
    room = client.rooms.get(LOBBY)
    assert room is not None
    kept = Retention(next_days=30, next_from=Millis(2**41))
    async with Alone().run_test(size=(40, 15)) as pilot:
        header = pilot.app.query_one(RoomHeader)
        header.show_encryption(client.encryption.room(LOBBY))
        for given, rows in (
            (
                replace(room, trouble="x"),
                ["#lobby  Not encrypted         3 people", "! the server is withholding"],
            ),
            (replace(room, archived=True), ["#lobby  Not encrypted         3 people", "archived: read only"]),
            (
                replace(room, retention=kept),
                ["#lobby  Not encrypted         3 people", "messages kept for 30"],
            ),
        ):
            header.show_room(given, peeking=False)
            await pilot.pause()
            for row, words in zip(shown(pilot.app, "heading", "about"), rows, strict=True):
                assert row.startswith(words)
    assert retention_short(kept).startswith("messages kept for 30 days from 20")


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        (58, ["*garden  Encrypted · guest, mallory not verified  5 people", ""]),
        (57, ["*garden  Encrypted · guest, mallory not verified", ""]),
        (38, ["*garden  Encrypted · 2 not verified", ""]),
        (34, ["*garden                   5 people", "Encrypted · guest, mallory not verified"]),
    ],
)
def test_the_state_is_said_shortly_or_takes_a_row(cells: int, rows: list[str]) -> None:
    """It is never cut."""
    words = [Words(own(ENCRYPTED.label), own(ENCRYPTED.short))]
    found = heading(own("*garden"), words, own("5 people"), cells)
    assert [row.plain for row in found] == rows


@pytest.mark.parametrize("code", ["en", "de", "he"])
@pytest.mark.parametrize("width", [40, 80, 132])
def test_no_language_loses_a_word(code: str, width: int) -> None:
    """Whatever the words are, all of them are there, or the command that shows them."""
    language.use([code])
    try:
        keys = ngettext(
            "{changed} has new keys: compare them (/verify {first})",
            "{changed} have new keys: compare them (/verify {first})",
            1,
        ).format(changed="ben", first="ben")
        label = _("{names} not verified").format(names="guest, mallory")
        words = [Words(own(f"! {keys}"), instead=own("! /encryption")), Words(own(label), own("2"))]
        first, below = heading(own("*garden"), words, own("5"), width - 2)
    finally:
        language.use(["en"])
    assert first.cell_length <= width - 2
    rows = [first.plain, *(row.plain for row in below.wrap(width - 2))]
    assert all(word in " ".join(rows) for word in f"! {keys}".split())
    assert not any("…" in row for row in rows)
    assert len(rows) <= 3


async def test_a_problem_takes_the_place_of_the_state_and_stays(client: FakeClient) -> None:
    """With a command for what has no room."""
    room = client.rooms.get(LOBBY)
    assert room is not None
    problem = "bob has new keys: compare them (/verify bob)"
    async with Alone().run_test(size=(80, 24)) as pilot:
        header = pilot.app.query_one(RoomHeader)
        header.show_room(room, peeking=False)
        header.show_encryption(RoomEncryption(RoomState.BLOCKED, "Encrypted", problem, short="Encrypted"))
        await pilot.pause()
        [first, below] = shown(pilot.app, "heading", "about")
        assert first.startswith(f"#lobby  ! {problem}")
        assert not below
        long = RoomEncryption(RoomState.CONTESTED, "Encrypted", "word " * 80, short="Encrypted")
        header.show_encryption(long)
        await pilot.pause()
        [first, below] = shown(pilot.app, "heading", "about")
        assert first.startswith("#lobby")
        assert "! /encryption says what is wrong" in first + below
