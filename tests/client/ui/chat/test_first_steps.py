"""What to do where nothing has happened yet: each entry says its command, and does it."""

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient

from parlour_client.ui.chat.first_steps import FirstSteps
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.room_name import parse_room_name


async def test_without_a_room_the_steps_are_at_hand(open_app: OpenApp) -> None:
    """Arrows choose and Enter begins the command; letters are text for the composer all the same."""
    async with open_app(FakeClient()) as pilot:
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert "Browse the public rooms  /rooms" in screen_text(pilot)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert screen.pane.composer.text == "/dm "
        screen.set_focus(screen.query_one(FirstSteps))
        await pilot.press(*"bob")
        assert screen.pane.composer.text == "/dm bob"


async def test_in_a_room_where_nothing_was_written_one_is_told_what_to_do(open_app: OpenApp) -> None:
    """Until someone writes; a draft is not replaced."""
    client = FakeClient()
    client.add_room(LOBBY, parse_room_name("lobby"))
    async with open_app(client) as pilot:
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert "Invite someone  /invite" in screen_text(pilot)
        await pilot.press(*"hm")
        screen.set_focus(screen.query_one(FirstSteps))
        await pilot.press("down", "enter")
        await settled(pilot)
        assert screen.pane.composer.text == "hm"
        client.say(LOBBY, BOB, "hello")
        await settled(pilot)
        assert "Invite someone" not in screen_text(pilot)
