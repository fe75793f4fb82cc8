"""When the people are on the screen, and where."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, settled
from tests.client.ui.ui_fake import DIRECT, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.ui.chat.screen import ChatScreen


async def show(pilot: Pilot[None], *keys: str) -> bool:
    """Press keys, and say whether the people are shown."""
    await pilot.press(*keys)
    await settled(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    return screen.member_list.display


@pytest.mark.parametrize(("columns", "shown"), [(119, False), (120, True)])
async def test_people_come_by_themselves_where_there_is_room(
    client: FakeClient,
    open_app: OpenApp,
    columns: int,
    shown: bool,  # noqa: FBT001
) -> None:
    """From 120 columns on, and in no direct room; F4 asks for them anywhere."""
    async with open_app(client, size=(columns, 24)) as pilot:
        screen = await lobby(pilot)
        assert screen.member_list.display is shown
        await screen.pane.navigation.open(DIRECT, peek=True)
        assert not await show(pilot)
        assert await show(pilot, "f4", "escape")
        assert not await show(pilot, "f4", "f4")
        await screen.pane.navigation.open(LOBBY)
        assert await show(pilot) is shown


async def test_below_a_hundred_columns_people_take_the_place_of_the_room(
    client: FakeClient, open_app: OpenApp
) -> None:
    """For a while: Esc shows the room again, and nothing of it is kept."""
    async with open_app(client, size=(99, 24)) as pilot:
        screen = await lobby(pilot)
        assert await show(pilot, "f4")
        assert screen.member_list.region.width == 99 - screen.room_list.region.width
        assert not screen.pane.display
        assert not await show(pilot, "escape")
        assert screen.pane.display
        assert await show(pilot, "f4")
        await pilot.resize_terminal(110, 24)
        assert not await show(pilot)
        assert screen.pane.display
        assert client.layout.people is None
