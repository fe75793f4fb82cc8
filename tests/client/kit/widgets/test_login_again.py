"""A session that ended is no dead end: the password is asked for over the chat, which stays as it is."""

import asyncio
import time

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import BOB, GARDEN, FakeClient
from textual.pilot import Pilot
from textual.widgets import Input

from parlour_client.kit.errors import (
    ApiRefusedError,
    LoginRefusedError,
    ParlourClientError,
    SetupError,
    UnreachableError,
)
from parlour_client.kit.widgets.login_again import LoginAgainScreen
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.kit.secret import Secret


async def garden(pilot: Pilot[None]) -> ChatScreen:
    """Open a room with more in it than fits, scrolled up, with something half written."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(GARDEN)
    await settled(pilot)
    screen.pane.timeline.scroll_relative(y=-10, animate=False)
    screen.write()
    screen.pane.composer.put("half a tho")
    await settled(pilot)
    return screen


async def dialog(pilot: Pilot[None]) -> None:
    """Wait until the dialog is there."""
    end = time.monotonic() + 60
    while not isinstance(pilot.app.screen, LoginAgainScreen) and time.monotonic() < end:
        await pilot.pause(0.01)
    assert isinstance(pilot.app.screen, LoginAgainScreen)
    await settled(pilot)


async def offered(pilot: Pilot[None]) -> None:
    """Open the dialog by the key that the line above the composer names."""
    await settled(pilot)
    assert "You are logged out: /login (Alt+G: go there)" in screen_text(pilot)
    assert isinstance(pilot.app.screen, ChatScreen)
    await pilot.press("alt+g")
    await dialog(pilot)


@pytest.fixture
def long_room(client: FakeClient) -> FakeClient:
    """Fill the garden."""
    for number in range(60):
        client.say(GARDEN, BOB, f"message {number}")
    client.mark_all_read()
    return client


async def test_everything_stays_and_goes_on(long_room: FakeClient, open_app: OpenApp) -> None:
    """Draft, room and place are the same before, during and after the login."""
    async with open_app(long_room) as pilot:
        screen = await garden(pilot)
        before = (
            screen.pane.current.id,
            screen.pane.composer.text,
            screen.pane.timeline.scroll_y,
            screen.pane.timeline.follows,
        )
        long_room.lose_session()
        await offered(pilot)
        assert "alice" in screen_text(pilot)
        assert "chat.example:8443" in screen_text(pilot)
        assert "The session has ended. Your drafts and unsent messages are kept." in screen_text(pilot)
        await pilot.press(*"right", "enter")
        await settled(pilot)
        assert ("log_in_again", "right") in long_room.calls
        assert pilot.app.screen is screen
        after = (
            screen.pane.current.id,
            screen.pane.composer.text,
            screen.pane.timeline.scroll_y,
            screen.pane.timeline.follows,
        )
        assert after == before
        await pilot.press(*"ught", "enter")
        await settled(pilot)
        assert ("send", GARDEN, "half a thought", None) in long_room.calls


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (LoginRefusedError("Wrong name or password.", "login_refused"), "Wrong name or password."),
        (SetupError("The server answered for a different account."), "different account"),
        (UnreachableError("Nothing is listening at chat.example:8443."), "Nothing is listening"),
        (ApiRefusedError("Too many tries.", "rate_limited", hint="Try again in 30 s."), "Try again in 30 s."),
    ],
    ids=["password", "account", "unreachable", "throttled"],
)
async def test_an_error_is_shown_in_the_dialog(
    client: FakeClient, open_app: OpenApp, refusal: ParlourClientError, words: str
) -> None:
    """The dialog stays, the password is out of the field, and the next try can be the right one."""
    client.login_refusal = refusal
    async with open_app(client) as pilot:
        client.lose_session()
        await offered(pilot)
        await pilot.press(*"wrong", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, LoginAgainScreen)
        assert words in screen_text(pilot)
        assert pilot.app.screen.query_one(Input).value == ""
        client.login_refusal = None
        await pilot.press(*"right", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)


async def test_it_does_not_come_under_the_hands_of_someone_who_writes(
    client: FakeClient, open_app: OpenApp
) -> None:
    """What was meant as a message is not sent as a password."""
    async with open_app(client) as pilot:
        await pilot.press(*"hel")
        client.lose_session()
        await pilot.press(*"lo", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)
        assert next(call for call in client.calls if call[0] == "send")[2] == "hello"
        assert not [call for call in client.calls if call[0] == "log_in_again"]
        assert "Kept until you log in again: /login" in screen_text(pilot)
        await pilot.press(*"/login", "enter")
        await dialog(pilot)


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_a_password_typed_twice_does_not_get_into_the_chat(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The login takes its time, so someone begins again; it succeeds in the middle of the word."""
    log_in, goes_on = client.log_in_again, asyncio.Event()

    async def slowly(password: Secret) -> None:
        await goes_on.wait()
        await log_in(password)

    monkeypatch.setattr(client, "log_in_again", lambda password, _dialog: slowly(password))
    async with open_app(client) as pilot:
        client.lose_session()
        await offered(pilot)
        await pilot.press(*"right", "enter", *"rig")
        goes_on.set()
        await settled(pilot)
        assert "You are logged in. Press Enter." in screen_text(pilot)
        await pilot.press(*"ht", key)
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.pane.composer.text == ""
        assert [call[1] for call in client.calls if call[0] in {"send", "log_in_again"}] == ["right"]


async def test_reconnecting_is_logging_in_then(client: FakeClient, open_app: OpenApp) -> None:
    """There is nothing else that would bring the connection back."""
    async with open_app(client) as pilot:
        client.lose_session()
        await offered(pilot)
        await pilot.press("escape", *"/reconnect", "enter")
        await dialog(pilot)


async def test_later_is_possible(client: FakeClient, open_app: OpenApp) -> None:
    """Esc leaves; the status line says how to come back to it."""
    async with open_app(client) as pilot:
        client.lose_session()
        await offered(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ChatScreen)
        assert "logged out" in screen_text(pilot)
        assert "/login" in screen_text(pilot)


async def test_a_session_that_ended_before_the_start_is_asked_for_at_the_start(
    client: FakeClient, open_app: OpenApp
) -> None:
    """The change was told before anyone listened."""
    client.lose_session()
    async with open_app(client) as pilot:
        await offered(pilot)
