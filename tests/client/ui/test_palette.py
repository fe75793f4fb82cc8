"""The palette offers everything: rooms, people, each command, each setting, each account."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.test_account_switcher import House
from tests.client.ui.ui_fake import BOB, DIRECT, GARDEN, LOBBY, FakeClient
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core.settings import BY_KEY
from parlour_client.kit.widgets.safe import own
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat.room_list import by_recency
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.palette import Choice, everything, matching
from parlour_protocol.kit.ids import Millis


def offered(pilot: Pilot[None]) -> str:
    """Return all that is offered."""
    screen, app = pilot.app.screen, pilot.app
    assert isinstance(screen, ChatScreen)
    assert isinstance(app, ParlourApp)
    return "\n".join(choice.shown.plain for choice in everything(app, screen))


async def test_everything_is_offered(client: FakeClient, open_app: OpenApp, tmp_path: Path) -> None:
    """Nothing is only for those who know its name."""
    async with open_app(client, accounts=House(tmp_path, client).accounts) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        text = offered(pilot)
        assert not [one for one in names(Front.UI).values() if one.usage(Front.UI) not in text]
        assert not [row.key for row in BY_KEY.values() if f"Setting: {row.key}" not in text]
        for words in ("#garden", "@bob", "@carol  new direct room", "Switch to account work"):
            assert words in text


async def test_a_room_has_its_key(client: FakeClient, open_app: OpenApp) -> None:
    """As it stands on the keyboard; a number without a key is not one."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await client.preferences.number(LOBBY, 3)
        await client.preferences.number(GARDEN, 12)
        await settled(pilot)
        rows = offered(pilot).split("\n")
        assert next(row for row in rows if "#lobby" in row).endswith("open · Alt+3")
        assert "12" not in next(row for row in rows if "#garden" in row)


@pytest.mark.parametrize("key", ["ctrl+k", "ctrl+p"])
async def test_enter_returns_to_the_room_before(client: FakeClient, open_app: OpenApp, key: str) -> None:
    """The room that was open before is the first; the open one is the last; both keys show one list."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        for room in (LOBBY, DIRECT, GARDEN):
            await screen.pane.navigation.open(room)
            await settled(pilot)
        client.say(LOBBY, BOB, "hello @alice")
        await pilot.press(*"half a tho", key)
        await settled(pilot)
        text = screen_text(pilot)
        assert text.index("@bob  ") < text.index("@  1 #lobby") < text.index("#garden  open")
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id == DIRECT
        await pilot.press(key, "down", "enter")
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        assert client.drafts[GARDEN] == "half a tho"


async def test_typing_and_enter_in_one_piece_open_what_was_typed(
    client: FakeClient, open_app: OpenApp
) -> None:
    """However fast the keys come, Enter takes the row that they found."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("ctrl+k")
        await pilot.pause()
        for key in [*"gdn", "enter"]:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert screen.pane.current.id == GARDEN


@pytest.mark.parametrize("opened", [False, True], ids=["with Ctrl+K", "when it is open"])
async def test_text_after_enter_belongs_to_the_room_that_was_chosen(
    client: FakeClient, open_app: OpenApp, *, opened: bool
) -> None:
    """A slow line hands over Ctrl+K, a name, Enter and a text in one piece: all of it is done in turn."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        keys = [*"garrd", "left", "backspace", "enter", *"hello", "enter", *"next"]
        if opened:
            await pilot.press("ctrl+k")
            await pilot.pause()
        else:
            keys = [*"half", "ctrl+k", *keys]
        for key in keys:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot, 4)
        assert [call[1:3] for call in client.calls if call[0] == "send"] == [(GARDEN, "hello")]
        assert (screen.pane.current.id, screen.pane.composer.text) == (GARDEN, "next")
        assert client.drafts.get(LOBBY, "") == ("" if opened else "half")


async def test_keys_that_move_the_mark_are_taken_in_turn(client: FakeClient, open_app: OpenApp) -> None:
    """Down and Enter in one piece take the second row; Esc and a text leave the room as it is."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        for room in (GARDEN, DIRECT, LOBBY):
            await screen.pane.navigation.open(room)
            await settled(pilot)
        for key in ["ctrl+k", "down", "enter", *"hi", "ctrl+k", "escape", *"ho"]:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot, 4)
        assert (screen.pane.current.id, screen.pane.composer.text) == (GARDEN, "hiho")


async def test_nothing_found_is_not_taken(client: FakeClient, open_app: OpenApp) -> None:
    """Enter leaves it open, and Esc goes back to the text."""
    async with open_app(client) as pilot:
        await pilot.press("ctrl+k", *"qqqq", "enter")
        await settled(pilot)
        assert "Nothing found" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)


def choice(name: str, about: str = "") -> Choice:
    """Return a row with that name."""
    return Choice(name, own(name), lambda: None, about)


ROWS = [
    choice("#beehive"),
    choice("@gabriel"),
    choice("#old-garden"),
    choice("#garden"),
    choice("/forget", "Forget the messages of a garden on this device"),
    choice("#gated"),
]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ga", ["@gabriel", "#garden", "#gated", "#old-garden", "/forget"]),
        ("#ga", ["#garden", "#gated", "#old-garden"]),
        ("@", ["@gabriel"]),
        ("/", ["/forget"]),
        ("grd", ["#old-garden", "#garden"]),
        ("BEE", ["#beehive"]),
        ("messages garden", ["/forget"]),
        ("zzz", []),
        ("  ", [row.name for row in ROWS]),
    ],
)
def test_the_best_match_comes_first(typed: str, found: list[str]) -> None:
    """The beginning of a name, of a word in it, single letters, then other words; else the given order."""
    assert [row.name for row in matching(ROWS, typed)] == found


def test_a_room_named_to_keep_the_search_busy_costs_nothing() -> None:
    """Textual's matcher tries every way to find the letters, which are 10 to the 10 ways here."""
    begun = time.process_time()
    assert matching([choice("#" + "ab" * 20)], "a" * 19 + "b") in ([], [choice("#" + "ab" * 20)])
    assert time.process_time() - begun < 0.5


def test_rooms_never_opened_come_by_their_activity(client: FakeClient) -> None:
    """Then those that were never open, the newest first; the open one is the last."""
    client.say(GARDEN, BOB, "new")
    lobby, garden, direct = (client.rooms.get(room) for room in (LOBBY, GARDEN, DIRECT))
    assert lobby is not None
    assert garden is not None
    assert direct is not None
    garden = replace(garden, activity=Millis(5))
    assert by_recency([lobby, garden, direct], [], None)[0] == garden
    assert by_recency([lobby, garden, direct], [LOBBY, DIRECT], LOBBY) == [direct, garden, lobby]
    loud = replace(direct, request=True, activity=Millis(9), mentions=9)
    assert by_recency([lobby, garden, loud], [], LOBBY) == [garden, lobby, loud]
    assert by_recency([lobby, garden, loud], [DIRECT], LOBBY)[0] == loud  # the person was there


async def test_keys_that_come_in_one_piece_are_taken_in_turn(client: FakeClient, open_app: OpenApp) -> None:
    """What takes a word away takes the one that stood before it, and not one that was typed later."""
    async with open_app(client) as pilot:
        await pilot.press("ctrl+p")
        await pilot.pause()
        for key in [*"go", "ctrl+w", *"write"]:
            pilot.app.post_message(Key(key, key if len(key) == 1 else None))
        await settled(pilot)
        assert pilot.app.screen.query_one(Input).value == "write"


async def test_a_command_that_needs_a_word_is_begun(client: FakeClient, open_app: OpenApp) -> None:
    """It is written into the composer, to be completed; a text that is there is not lost."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("ctrl+p")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "/kick"
        await pilot.pause()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.composer.text == "/kick "
        screen.pane.composer.put("my text")
        screen.pane.composing.begin_command("/kick")
        assert screen.pane.composer.text == "my text"
        assert "You are writing something" in screen_text(pilot)


async def test_what_one_does_in_a_chat_comes_first(client: FakeClient, open_app: OpenApp) -> None:
    """Rooms and people, then commands; the settings are the last, however the machine hashes."""
    async with open_app(client, size=(100, 60)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        await pilot.press("ctrl+p")
        await settled(pilot)
        text = screen_text(pilot)
        places = [text.index(words) for words in ("@bob", "@carol", "Search messages", "/join")]
        assert places == sorted(places)
        assert "Setting:" not in text or places[-1] < text.index("Setting:")
