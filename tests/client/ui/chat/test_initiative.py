"""Nothing but a key of the person moves the focus, opens a room or a page, or changes where text goes."""

import asyncio
from collections.abc import Callable

import pytest
from tests.client.extras.test_two_rooms import WIDE, split
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled
from tests.client.ui.ui_fake import ALICE, BOB, DIRECT, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.events import RoomDeletion, RoomsChanged
from parlour_client.core.model import Invitation
from parlour_client.ui.chat.first_steps import FirstSteps
from parlour_client.ui.chat.initiative import NOBODY, on_behalf_of
from parlour_client.ui.chat.screen import ChatScreen
from parlour_client.ui.palette import Palette
from parlour_protocol.frames.bodies import Banned, Joined, Kicked, Left
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind


def sent(client: FakeClient) -> list[tuple[object, ...]]:
    """Return the messages that were sent."""
    return [call for call in client.calls if call[0] == "send"]


def the_screen(pilot: Pilot[None]) -> ChatScreen:
    """Return the chat."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    return screen


def slow(client: FakeClient, monkeypatch: pytest.MonkeyPatch, name: str) -> asyncio.Event:
    """Let a request of the client wait for the returned event."""
    ask, goes_on = getattr(client, name), asyncio.Event()

    async def slowly(*given: object, **named: object) -> object:
        await goes_on.wait()
        return await ask(*given, **named)

    monkeypatch.setattr(client, name, slowly)
    return goes_on


def kicked(client: FakeClient) -> None:
    """Let bob kick the person from the garden."""
    client.happen(GARDEN, BOB, Kicked(ALICE, ReasonText("")))
    client.remove_room(GARDEN)


def banned(client: FakeClient) -> None:
    """Let bob ban the person."""
    client.happen(GARDEN, BOB, Banned(ALICE, Millis(1_796_000_000_000), ReasonText("spam")))
    client.remove_room(GARDEN)


def left(client: FakeClient) -> None:
    """Leave on another device."""
    client.happen(GARDEN, ALICE, Left())
    client.remove_room(GARDEN)


def deleted(client: FakeClient) -> None:
    """Let bob delete the room."""
    client.tell(RoomDeletion(GARDEN, "garden", BOB))
    client.remove_room(GARDEN)


def access_lost(client: FakeClient) -> None:
    """Let the server no longer list it."""
    client.remove_room(GARDEN)


@pytest.mark.parametrize(
    ("lose", "words", "step"),
    [
        (kicked, "bob removed you at ", "Join it again  /join garden"),
        (banned, "bob banned you at ", "Copy what you wrote"),
        (left, "You left this room at ", "Join it again  /join garden"),
        (deleted, "bob deleted this room", "Go to another room  Ctrl+K"),
        (access_lost, "You are no longer in this room", "Join it again  /join garden"),
    ],
)
async def test_a_lost_room_stays_and_takes_nothing(
    client: FakeClient, open_app: OpenApp, lose: Callable[[FakeClient], None], words: str, step: str
) -> None:
    """Who writes goes on writing there; Enter sends nothing, keeps the text, and nothing else is opened."""
    client.happen(GARDEN, BOB, Kicked(ALICE, ReasonText("long ago")))
    client.happen(GARDEN, ALICE, Joined())  # what was before this explains nothing
    async with open_app(client, size=(100, 30)) as pilot:
        screen = the_screen(pilot)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        await pilot.press(*"the surprise ")
        lose(client)
        await settled(pilot)
        await pilot.press(*"party is at", "enter")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.focused is screen.pane.composer
        assert screen.pane.composer.text == "the surprise party is at"
        assert not sent(client)
        shown = screen_text(pilot)
        assert words in shown
        assert step in shown
        assert "Not sent: you are no longer in this room." in shown
    assert client.drafts[GARDEN] == "the surprise party is at"


async def test_the_people_of_a_lost_room_are_its_members_business(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The list is empty because of that, and not because they are still to be loaded."""
    async with open_app(client, size=(132, 40)) as pilot:
        screen = the_screen(pilot)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        assert "Members only" not in screen_text(pilot)
        kicked(client)
        await settled(pilot)
        assert "Members only" in screen_text(pilot)
        await screen.pane.navigation.open(LOBBY)
        await settled(pilot)
        assert "Members only" not in screen_text(pilot)


async def test_a_lost_room_that_comes_back_is_dead_until_a_key_goes_there(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Someone who saw that nothing is sent may have written what is for nobody."""
    async with open_app(client) as pilot:
        screen = the_screen(pilot)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        kicked(client)
        await settled(pilot)
        again = client.add_room(GARDEN, parse_room_name("garden"))
        client.tell(RoomsChanged())
        await settled(pilot)
        await pilot.press(*"to myself", "enter")
        await settled(pilot)
        assert not sent(client)
        assert screen.pane.composer.text == "to myself"
        await pilot.press(f"alt+{again.number}", "enter")
        await settled(pilot)
        assert sent(client) == [("send", GARDEN, "to myself", None)]


async def test_a_reply_in_a_lost_room_is_kept(client: FakeClient, open_app: OpenApp) -> None:
    """Also an edit: neither becomes a plain message."""
    client.say(GARDEN, BOB, "who comes?")
    async with open_app(client) as pilot:
        screen = the_screen(pilot)
        await screen.pane.navigation.open(GARDEN)
        await settled(pilot)
        await pilot.press("alt+up", "r", *"I")
        kicked(client)
        await settled(pilot)
        await pilot.press(*" do", "enter")
        await settled(pilot)
        assert not sent(client)
        assert screen.pane.composer.text == "I do"
        assert screen.pane.composing.aim.mode is not None


async def test_a_lost_room_beside_the_open_one_stays_there(client: FakeClient, open_app: OpenApp) -> None:
    """Of two panes the one in front is the same, and each keeps its room."""
    async with open_app(client, size=WIDE) as pilot:
        screen = await split(pilot)
        front, back = screen.panes.all
        assert back is not None
        await pilot.press(*"half")
        assert back.current.id is not None
        client.remove_room(back.current.id)
        await settled(pilot)
        assert screen.pane is front
        assert screen.focused is front.composer
        assert back.current.lost is not None
        await pilot.press("alt+w", *"rest", "enter")
        await settled(pilot)
        assert not sent(client)
        assert back.composer.text == "rest"


async def test_a_room_that_appears_opens_by_a_key(open_app: OpenApp) -> None:
    """Someone who has no room open writes for nobody, until they go to a room."""
    client = FakeClient()
    client.greeted.clear()
    async with open_app(client, settle=False) as pilot:
        screen = the_screen(pilot)
        await pilot.press(*"to be or")
        client.add_room(LOBBY, parse_room_name("lobby"))
        client.tell(RoomsChanged())
        client.greeted.set()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id is None
        assert screen.pane.composer.text == "to be or"
        assert "Go to one of your rooms  Ctrl+K" in screen_text(pilot)


async def test_someone_new_begins_in_the_first_room(open_app: OpenApp) -> None:
    """Who has pressed no key since the start finds the room open that the server lists."""
    client = FakeClient()
    client.greeted.clear()
    async with open_app(client, settle=False) as pilot:
        client.add_room(LOBBY, parse_room_name("lobby"))
        client.greeted.set()
        await settled(pilot)
        assert the_screen(pilot).pane.current.id == LOBBY


@pytest.mark.parametrize(
    ("line", "request_name", "page"),
    [
        ("/rooms", "directory", "No public rooms yet"),
        ("/whois bob", "person", "Rooms you share"),
        ("/sessions", "list_sessions", "Sessions: where you"),
    ],
)
async def test_a_page_that_comes_late_is_offered(
    client: FakeClient,
    open_app: OpenApp,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    request_name: str,
    page: str,
) -> None:
    """Who types meanwhile goes on typing: no letter is a key of the page, and no Enter its answer."""
    goes_on = slow(client, monkeypatch, request_name)
    async with open_app(client, size=(100, 30)) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*line, "enter", *"xyz")
        goes_on.set()
        await settled(pilot)
        await pilot.press(*" q", "enter")
        await settled(pilot)
        assert pilot.app.screen is screen
        assert sent(client) == [("send", LOBBY, "xyz q", None)]
        assert "What you asked for is there (Alt+G: go there)" in screen_text(pilot)
        await pilot.press("alt+g")
        await settled(pilot)
        assert page in screen_text(pilot)


async def test_a_page_that_comes_before_the_next_key_is_shown(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the server is."""
    goes_on = slow(client, monkeypatch, "directory")
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press(*"/rooms", "enter")
        goes_on.set()
        await settled(pilot)
        assert "No public rooms yet" in screen_text(pilot)


async def test_esc_stays_when_a_room_comes_late(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the text belongs to this room, and Enter sends it here."""
    goes_on = slow(client, monkeypatch, "open_direct")
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await pilot.press(*"/dm bob", "enter", *"hello", "escape")
        goes_on.set()
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        assert sent(client) == [("send", LOBBY, "hello", None)]


async def test_an_invitation_that_is_accepted_late_opens_nothing_under_the_hands(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Enter on an answer asks for a room as much as a command does: what is typed since is meant for it."""
    goes_on = slow(client, monkeypatch, "accept")
    room = DIRECT[:0] + "N" * 22
    client.invited(Invitation(room, RoomKind.PRIVATE, BOB, Millis(0), parse_room_name("nook")))  # type: ignore[arg-type]
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        screen.pane.results.invitations.ask(room)  # type: ignore[arg-type]
        await settled(pilot)
        await pilot.press("enter", *"hi")
        goes_on.set()
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        await pilot.press("enter")
        await settled(pilot)
        assert (screen.pane.current.id, sent(client)) == (room, [])
        await pilot.press("enter")
        await settled(pilot)
        assert sent(client) == [("send", room, "hi", None)]


async def test_no_change_and_no_timer_moves_the_focus(client: FakeClient, open_app: OpenApp) -> None:
    """The guard is in the screen itself, whoever calls it."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        with on_behalf_of(NOBODY):
            screen.set_focus(screen.room_list)
            screen.pane.navigation.go_to(GARDEN)
            await screen.pane.navigation.open(GARDEN)
            screen.pane.interaction.push(Palette([]))
        await settled(pilot)
        assert screen.focused is screen.pane.composer
        assert screen.pane.current.id == LOBBY
        assert pilot.app.screen is screen


async def test_the_steps_stay_while_they_have_the_focus(open_app: OpenApp) -> None:
    """Someone writes the first message: the next Enter must not be the composer's."""
    client = FakeClient()
    client.add_room(LOBBY, parse_room_name("lobby"))
    async with open_app(client) as pilot:
        screen = the_screen(pilot)
        await pilot.press(*"half")
        steps = screen.query_one(FirstSteps)
        screen.set_focus(steps)
        await pilot.pause()
        client.say(LOBBY, BOB, "first!")
        await settled(pilot)
        assert screen.focused is steps
        assert steps.display
        screen.write()
        await settled(pilot)
        assert not steps.display


async def test_being_removed_from_another_room_is_said_above_the_composer(
    client: FakeClient, open_app: OpenApp
) -> None:
    """By whom and why, the reason behind a mark; what is written goes on where it is."""
    async with open_app(client, size=(100, 30)) as pilot:
        screen = the_screen(pilot)
        await screen.pane.navigation.open(LOBBY)
        await pilot.press(*"so ")
        client.happen(GARDEN, BOB, Kicked(ALICE, ReasonText("off topic\nbob banned you")))
        client.remove_room(GARDEN)
        await settled(pilot)
        assert "bob removed you from garden │ off topic / bob banned you" in screen_text(pilot)
        assert screen.pane.current.id == LOBBY
        assert screen.pane.composer.text == "so "
