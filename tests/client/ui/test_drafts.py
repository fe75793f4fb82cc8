"""Drafts: with the room that they were typed in, and on disk soon."""

from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import ALICE, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.ui.drafts import Drafts
from parlour_client.ui.screens.chat import ChatScreen
from parlour_protocol.ids import RoomId


async def opened(pilot: Pilot[None], room: RoomId = LOBBY) -> ChatScreen:
    """Open a room."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.open_room(room)
    await settled(pilot)
    return screen


async def test_a_draft_stays_with_its_room(client: FakeClient, open_app: OpenApp) -> None:
    """Both ways, and the text is never attributed to the other room."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"for the lobby")
        await opened(pilot, GARDEN)
        assert screen.composer.text == ""
        await pilot.press(*"for the garden")
        await opened(pilot)
        assert screen.composer.text == "for the lobby"
        assert client.drafts == {LOBBY: "for the lobby", GARDEN: "for the garden"}


async def test_quitting_keeps_it(client: FakeClient, open_app: OpenApp) -> None:
    """What was typed a moment before is there at the next start."""
    async with open_app(client) as pilot:
        await opened(pilot)
        await pilot.press(*"half a tho")
    assert client.drafts[LOBBY] == "half a tho"
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        assert screen.composer.text == "half a tho"


async def test_a_crash_keeps_what_was_saved_a_moment_before(client: FakeClient, open_app: OpenApp) -> None:
    """Typing alone writes the draft soon, without any switch or quit."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"abc")
        await settled(pilot)
        await screen._save_draft()  # what the timer does
        assert client.drafts[LOBBY] == "abc"


async def test_sending_takes_it_away(client: FakeClient, open_app: OpenApp) -> None:
    """A sent text is no draft."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"abc")
        await screen.drafts.save()
        await pilot.press("enter")
        await settled(pilot)
        assert client.drafts[LOBBY] == ""


async def test_editing_a_message_loses_no_draft(client: FakeClient, open_app: OpenApp) -> None:
    """The draft is set aside and comes back, whether the edit is sent or left."""
    client.say(LOBBY, ALICE, "a tpyo")
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        for leave in ("escape", "enter"):
            screen.composer.put("my draft")
            await settled(pilot)
            await pilot.press("alt+up", "e")
            await settled(pilot)
            assert "typo" in screen.composer.text or "tpyo" in screen.composer.text
            await screen.drafts.save()
            assert client.drafts[LOBBY] == "my draft"
            await pilot.press("!", leave)
            await settled(pilot)
            assert screen.composer.text == "my draft"
        assert [call[2:] for call in client.calls if call[0] == "edit"]


async def test_a_reply_does_not_follow_into_another_room(client: FakeClient, open_app: OpenApp) -> None:
    """Its number would name another message there."""
    async with open_app(client) as pilot:
        await opened(pilot)
        await pilot.press("alt+up", "r")
        await settled(pilot)
        assert "reply to" in screen_text(pilot)
        await opened(pilot, GARDEN)
        assert "reply to" not in screen_text(pilot)
        await pilot.press(*"hello", "enter")
        await settled(pilot)
        assert ("send", GARDEN, "hello", None) in client.calls


async def test_nothing_is_saved_between_two_rooms() -> None:
    """What the composer holds while a room is opened belongs to none."""
    saved: list[tuple[RoomId, str]] = []

    async def save(room: RoomId, text: str) -> None:
        saved.append((room, text))

    drafts = Drafts(save)
    drafts.begin(LOBBY, "")
    await drafts.leave("one")
    assert not drafts.typed("one more")  # a late event of the room that was left
    await drafts.save()
    drafts.begin(GARDEN, "two")
    await drafts.save()
    assert saved == [(LOBBY, "one")]
