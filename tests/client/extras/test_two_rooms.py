"""Two rooms side by side, and the layout that the next start brings back."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.archive.saved_preferences import Layout
from parlour_client.ui.app import ParlourApp
from parlour_client.ui.chat import composer_controller
from parlour_client.ui.chat.screen import ChatScreen

WIDE = (160, 40)


async def split(pilot: Pilot[None]) -> ChatScreen:
    """Open the lobby, with the garden beside it."""
    screen = await lobby(pilot)
    await screen.pane.commands.run("/split garden")
    await settled(pilot)
    return screen


async def test_two_rooms_are_read_and_written_side_by_side(client: FakeClient, open_app: OpenApp) -> None:
    """What arrives is in its own pane; Alt+W goes across, and Enter sends to the room in front."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        client.say(GARDEN, CAROL, "the roses are out")
        client.say(LOBBY, BOB, "tea is ready")
        await settled(pilot)
        text = screen_text(pilot)
        assert "the roses are out" in text
        assert "tea is ready" in text
        await pilot.press(*"to the lobby", "enter", "alt+w", *"to the garden", "enter")
        await settled(pilot)
        sent = [call[1:3] for call in client.calls if call[0] == "send"]
        assert sent == [(LOBBY, "to the lobby"), (GARDEN, "to the garden")]
        assert screen.pane.current.id == GARDEN


async def test_each_room_keeps_its_draft(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the focus moves, when the second room is closed at once, and at the end."""
    monkeypatch.setattr(composer_controller, "SOON", 3600.0)
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        await pilot.press(*"half", "alt+w", *"a tho")
        await settled(pilot)
        assert [pane.composer.text for pane in screen.panes.all] == ["half", "a tho"]
        await pilot.press("alt+v")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert (len(screen.panes.all), screen.pane.composer.text) == (1, "a tho")
        assert client.drafts[LOBBY] == "half"
    assert client.drafts[GARDEN] == "a tho"


async def test_a_room_is_never_in_both(client: FakeClient, open_app: OpenApp) -> None:
    """To open it again means to go there: a room has one draft."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        assert screen.pane.current.id == LOBBY
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert [pane.current.id for pane in screen.panes.all] == [LOBBY, GARDEN]
        await screen.pane.navigation.open(DIRECT)
        await settled(pilot)
        assert [pane.current.id for pane in screen.panes.all] == [LOBBY, DIRECT]


async def test_a_narrow_terminal_shows_the_room_in_front(client: FakeClient, open_app: OpenApp) -> None:
    """The other one comes back with the space; what can't be seen isn't marked as read."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        await pilot.resize_terminal(100, 30)
        await settled(pilot)
        client.calls.clear()
        client.say(GARDEN, CAROL, "the roses are out")
        await settled(pilot)
        assert "the roses are out" not in screen_text(pilot)
        assert not [call for call in client.calls if call[0] == "mark_read"]
        assert isinstance(pilot.app, ParlourApp)
        assert not pilot.app._sees(GARDEN)
        await pilot.press("alt+w")
        await settled(pilot)
        assert "the roses are out" in screen_text(pilot)
        await pilot.press("alt+w")
        await pilot.resize_terminal(*WIDE)
        await settled(pilot)
        assert "the roses are out" in screen_text(pilot)
        assert pilot.app._sees(GARDEN)
        assert screen.pane.current.id == LOBBY


async def test_a_narrow_terminal_refuses_a_second_room(client: FakeClient, open_app: OpenApp) -> None:
    """And says how much space it needs."""
    async with open_app(client, size=(100, 30)) as pilot:
        await lobby(pilot)
        await pilot.press("alt+v")
        await settled(pilot)
        assert "need a terminal of 160 columns" in screen_text(pilot)


async def test_a_room_that_is_left_beside_the_open_one_harms_nothing(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The pane in front stays, with its text."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        await pilot.press(*"half")
        client.remove_room(GARDEN)
        await settled(pilot)
        assert (screen.pane.current.id, screen.pane.composer.text) == (LOBBY, "half")


async def test_a_click_writes_in_that_room(client: FakeClient, open_app: OpenApp) -> None:
    """What is typed next goes where the person clicked."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        back = next(pane for pane in screen.panes.all if pane is not screen.pane)
        assert back is not None
        await pilot.click(back.timeline)
        await pilot.press("x")
        await settled(pilot)
        assert (screen.pane.current.id, screen.pane.composer.text) == (GARDEN, "x")


@pytest.mark.parametrize("size", [WIDE, (100, 30)])
async def test_the_layout_comes_back(client: FakeClient, open_app: OpenApp, size: tuple[int, int]) -> None:
    """Rooms side by side, widths and the list of members; a narrow terminal forgets nothing of it."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        await pilot.press("f2", "alt+right", "alt+right", "escape", "f4", "escape")
        await settled(pilot)
        width = screen.room_list.size.width
        assert screen.member_list.display
    saved = Layout(beside=GARDEN, people=True, rooms_width=27)
    assert client.layout == saved
    async with open_app(client, size=size) as pilot:
        await settled(pilot)
        again = pilot.app.screen
        assert isinstance(again, ChatScreen)
        assert again.room_list.size.width == width
        assert again.member_list.display
        assert [pane.current.id for pane in again.panes.all] == [LOBBY, GARDEN][: 2 if size == WIDE else 1]
        assert again.pane.current.id == LOBBY
    assert client.layout == saved
