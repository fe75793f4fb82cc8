"""What commands give back is shown, and what is about the screen itself is done there."""

import re

from tests.client.commands.giving import results_of
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, CAROL, LOBBY, START, FakeClient

from parlour_client.commands.front import Front
from parlour_client.commands.results import Done, SendWanted
from parlour_client.commands.table import all_commands
from parlour_client.core.model import BanView
from parlour_client.kit.widgets.questions import ChooseScreen, ConfirmScreen
from parlour_client.ui.app_settings import settings_of
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.dialogs.page import Page
from parlour_client.ui.dialogs.settings import SettingsScreen
from parlour_client.ui.registry import REGISTRY
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.frames.replies import RoomListing
from parlour_protocol.identity.cosignatures import WitnessKey
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.room_name import parse_room_name


def test_every_result_and_every_view_has_its_place() -> None:
    """A command that can be given here, in whatever way it ends."""
    screen = ChatScreen(FakeClient.peopled())
    for one in all_commands():
        if one.name(Front.UI) is None:
            continue
        if one in REGISTRY.shows:
            continue
        if one.handler is None:
            assert one.view in screen.pane.commands.views, one.help
        elif one.view not in screen.pane.commands.views:
            shown = {*screen.pane.results.shown, SendWanted}  # which is sent like typed text
            assert not [kind for kind in results_of(one) if kind not in shown], one.help


async def test_a_sentence_is_a_line_above_the_composer(client: FakeClient, open_app: OpenApp) -> None:
    """Done is said, and nothing is opened."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await screen.pane.results.show(Done("It is done."))
        await settled(pilot)
        assert "It is done." in screen_text(pilot)
        assert pilot.app.screen is screen


async def test_a_setting_is_shown_and_changed_from_the_composer(
    client: FakeClient, open_app: OpenApp
) -> None:
    """In a line above it; Enter takes the marked value first; without a name the settings open."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press(*"/set typing", "enter")
        await settled(pilot)
        assert "typing: off. Let others see when you are typing." in screen_text(pilot)
        await pilot.press(*"/set typing o", "enter", "enter")
        await settled(pilot)
        assert "typing is now on." in screen_text(pilot)
        assert settings_of(screen).typing
        await pilot.press(*"/set theme monochrom", "enter")
        await settled(pilot)
        assert "no theme called monochrom" in screen_text(pilot)
        await pilot.press(*"/set", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, SettingsScreen)


async def test_a_choice_leads_to_its_question(client: FakeClient, open_app: OpenApp) -> None:
    """A report asks for its reason, then says what it gives to the operator, then is sent."""
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press(*"/report", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChooseScreen)
        await pilot.press("down", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "The operator gets its text" in " ".join(screen_text(pilot).split())
        assert not [call for call in client.calls if call[0] == "report"]
        await pilot.press("r")
        await settled(pilot)
        assert ("report", LOBBY, 3, "harassment", "") in client.calls


async def test_a_ban_is_lifted_from_the_list_by_a_letter(client: FakeClient, open_app: OpenApp) -> None:
    """Enter on one asks; Enter keeps it. Then the list says who is left; a reason can't pose as a row."""
    client.banned = [
        BanView(BOB, ALICE, START, None, ReasonText("noise\ncarol, banned by bob")),
        BanView(CAROL, ALICE, START, None, ReasonText()),
    ]
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        for keys in (("enter", "enter", "enter"), ("enter", "enter", "l")):
            await pilot.press(*"/bans", keys[0])
            await settled(pilot)
            assert "│ noise / carol, banned by bob" in screen_text(pilot)
            await pilot.press(keys[1])
            await settled(pilot)
            assert "Lift the ban of bob from lobby?" in screen_text(pilot)
            await pilot.press(keys[2])
            await settled(pilot)
            if keys[2] == "enter":
                assert len(client.banned) == 2
                assert pilot.app.screen is screen
        assert [ban.user for ban in client.banned] == [CAROL]
        assert isinstance(pilot.app.screen, ChooseScreen)
        assert "carol, banned by alice" in screen_text(pilot)


async def test_no_row_of_a_long_reason_of_a_ban_is_without_its_mark(
    client: FakeClient, open_app: OpenApp
) -> None:
    """However wide the terminal becomes: a row that wrapped would be another ban, or words of ours."""
    client.banned = [BanView(BOB, ALICE, START, None, ReasonText("posing " * 40))]
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press(*"/bans", "enter")
        for columns in (80, 40, 132):
            await pilot.resize_terminal(columns, 24)
            await settled(pilot)
            rows = [row for row in screen_text(pilot).split("\n") if "posing" in row]
            assert rows
            assert all(re.search(r"│ +│ *posing", row) for row in rows), rows


async def test_no_row_of_a_long_topic_in_the_list_of_rooms_is_without_its_mark(
    client: FakeClient, open_app: OpenApp
) -> None:
    """A row that wrapped could be another room."""
    client.listing = [RoomListing(RoomId("z" * 22), parse_room_name("zoo"), 3, TopicText("posing " * 30))]
    async with open_app(client) as pilot:
        await pilot.press(*"/rooms", "enter")
        await settled(pilot)
        rows = [row for row in screen_text(pilot).split("\n") if "posing" in row]
        assert rows
        assert all(re.search(r"│ +│ *posing", row) for row in rows), rows


async def test_a_witness_is_wanted_listed_and_removed(client: FakeClient, open_app: OpenApp) -> None:
    """On a page; one that was taken away is said in a line."""
    async with open_app(client) as pilot:
        await pilot.press(*f"/witnesses add {WitnessKey('witness.example.net', bytes(32)).vkey}", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, Page)
        assert "witness.example.net signed 7 entries at" in screen_text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        await pilot.press(*"/witnesses remove witness.example.net", "enter")
        await settled(pilot)
        assert "You don't want the signature of witness.example.net any" in screen_text(pilot)
        await pilot.press(*"/witnesses", "enter")
        await settled(pilot)
        assert "You want no witness of the key log. /witnesses add KEY adds one." in screen_text(pilot)
