"""Drafts: with the room that they were typed in, and on disk soon."""

import asyncio

import pytest
from tests.client.ui.conftest import OpenApp, screen_text, settled
from tests.client.ui.ui_fake import ALICE, DIRECT, GARDEN, LOBBY, FakeClient
from textual.pilot import Pilot

from parlour_client.core.errors import ChatRefusedError
from parlour_client.core.events import RoomForgotten, RoomsChanged
from parlour_client.ui.chat.drafts import NOWHERE, Drafts
from parlour_client.ui.chat.screen import ChatScreen
from parlour_protocol.errors import ErrorCode
from parlour_protocol.ids import RoomId
from parlour_protocol.room_name import parse_room_name


async def opened(pilot: Pilot[None], room: RoomId = LOBBY) -> ChatScreen:
    """Open a room."""
    screen = pilot.app.screen
    assert isinstance(screen, ChatScreen)
    await screen.pane.navigation.open(room)
    await settled(pilot)
    return screen


async def test_a_draft_stays_with_its_room(client: FakeClient, open_app: OpenApp) -> None:
    """Both ways, and the text is never attributed to the other room."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"for the lobby")
        await opened(pilot, GARDEN)
        assert screen.pane.composer.text == ""
        await pilot.press(*"for the garden")
        await opened(pilot)
        assert screen.pane.composer.text == "for the lobby"
        assert client.drafts == {LOBBY: "for the lobby", GARDEN: "for the garden"}


async def test_quitting_keeps_it(client: FakeClient, open_app: OpenApp) -> None:
    """What was typed a moment before is there at the next start."""
    async with open_app(client) as pilot:
        await opened(pilot)
        await pilot.press(*"half a tho")
    assert client.drafts[LOBBY] == "half a tho"
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        assert screen.pane.composer.text == "half a tho"


async def test_a_crash_keeps_what_was_saved_a_moment_before(client: FakeClient, open_app: OpenApp) -> None:
    """Typing alone writes the draft soon, without any switch or quit."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"abc")
        await settled(pilot)
        screen.pane.composing.save_draft()  # what the timer does
        await settled(pilot)
        assert client.drafts[LOBBY] == "abc"


async def test_sending_takes_it_away(client: FakeClient, open_app: OpenApp) -> None:
    """A sent text is no draft."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"abc")
        await screen.pane.composing.drafts.save()
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
            screen.pane.composer.put("my draft")
            await settled(pilot)
            await pilot.press("alt+up", "e")
            await settled(pilot)
            assert "typo" in screen.pane.composer.text or "tpyo" in screen.pane.composer.text
            await screen.pane.composing.drafts.save()
            assert client.drafts[LOBBY] == "my draft"
            await pilot.press("!", leave)
            await settled(pilot)
            assert screen.pane.composer.text == "my draft"
        assert [call[2:] for call in client.calls if call[0] == "edit"]


async def test_a_reply_does_not_follow_into_another_room(client: FakeClient, open_app: OpenApp) -> None:
    """Its number would name another message there."""
    async with open_app(client) as pilot:
        await opened(pilot)
        await pilot.press("alt+up", "r")
        await settled(pilot)
        assert "Reply to" in screen_text(pilot)
        await opened(pilot, GARDEN)
        assert "Reply to" not in screen_text(pilot)
        await pilot.press(*"hello", "enter")
        await settled(pilot)
        assert ("send", GARDEN, "hello", None) in client.calls


async def test_nothing_is_saved_between_two_rooms(client: FakeClient) -> None:
    """What the composer holds while a room is opened belongs to none."""
    saved: list[tuple[RoomId, str]] = []

    async def save(room: RoomId, text: str) -> None:
        saved.append((room, text))

    drafts = Drafts(save, client.draft, asyncio.Lock())
    drafts.open(LOBBY, "")
    await drafts.leave("one")
    assert not drafts.typed("one more")  # a late event of the room that was left
    await drafts.save()
    drafts.open(GARDEN, "two")
    await drafts.save()
    assert saved == [(LOBBY, "one")]


def open_rooms(screen: ChatScreen, *rooms: RoomId) -> None:
    """Open rooms faster than any of them can be read."""
    for room in rooms:
        screen.pane.navigation.go_to(room)


async def test_what_is_typed_before_any_room_is_open_stays(open_app: OpenApp) -> None:
    """The first room comes while one types, and does not open; opened, it keeps its own draft, too."""
    client = FakeClient()
    client.drafts[LOBBY] = "half a thought"
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await pilot.press(*"/join gar")
        client.add_room(LOBBY, parse_room_name("lobby"))
        client.tell(RoomsChanged())
        await pilot.press(*"den")
        await settled(pilot)
        assert (screen.pane.current.id, screen.pane.composer.text) == (None, "/join garden")
        await pilot.press("alt+1")
        await settled(pilot)
        assert screen.pane.current.id == LOBBY
        assert screen.pane.composer.text == "half a thought\n/join garden"


async def test_rooms_opened_one_after_another_lose_no_draft(client: FakeClient, open_app: OpenApp) -> None:
    """The draft that is not on disk yet survives, and the last room that was asked for stays open."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"unsaved")
        open_rooms(screen, GARDEN, DIRECT)
        await settled(pilot)
        assert screen.pane.current.id == DIRECT
        assert client.drafts[LOBBY] == "unsaved"
        open_rooms(screen, LOBBY, LOBBY)
        await settled(pilot)
        assert screen.pane.composer.text == "unsaved"


async def test_what_is_typed_while_a_room_is_opened_is_its_own(client: FakeClient) -> None:
    """Also when another room is opened before that one has begun."""
    drafts = Drafts(client.save_draft, client.draft, asyncio.Lock())
    client.drafts[GARDEN] = "for the "
    await drafts.leave("", GARDEN)
    await drafts.leave("garden", LOBBY)
    assert client.drafts == {GARDEN: "for the garden"}


async def test_what_is_typed_while_a_text_goes_out_stays(client: FakeClient, open_app: OpenApp) -> None:
    """After a message, and after a command that waits for the server; in the order of the keys."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        for line in ("hello", "/away"):
            screen.pane.composer.put(line)
            screen.pane.composer._send()
            screen.pane.composer.insert("the next")
            await settled(pilot)
            assert screen.pane.composer.text == "the next"
        assert ("send", LOBBY, "hello", None) in client.calls


@pytest.mark.parametrize("refused", [True, False])
async def test_a_text_on_its_way_from_a_room_that_was_left_touches_no_other(
    refused: bool,  # noqa: FBT001 - pytest passes it
    client: FakeClient,
    open_app: OpenApp,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other room's draft stays as it is; what was refused waits in its own room."""
    asked, answered = asyncio.Event(), asyncio.Event()

    async def send(*_: object, **__: object) -> None:
        asked.set()
        await answered.wait()
        if refused:
            raise ChatRefusedError(ErrorCode.FORBIDDEN, "No.")

    monkeypatch.setattr(client, "send", send)
    client.drafts[GARDEN] = "for the garden"
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"for the lobby", "enter")
        await asked.wait()
        await screen.pane.navigation.open(GARDEN)
        answered.set()
        await settled(pilot)
        assert screen.pane.composer.text == "for the garden"
        assert client.drafts.get(LOBBY, "") == ("for the lobby" if refused else "")


async def test_a_command_of_the_palette_takes_no_text_away(client: FakeClient, open_app: OpenApp) -> None:
    """What is being written has nothing to do with it."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"half a tho")
        screen.pane.commands.run_soon("/away")
        await settled(pilot)
        assert screen.pane.composer.text == "half a tho"


async def test_a_room_that_cannot_be_read_keeps_what_is_typed(
    client: FakeClient, open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft needs no server, so it is there, and is saved."""

    async def timeline(*_: object, **__: object) -> None:
        raise ChatRefusedError(ErrorCode.FORBIDDEN, "No.")

    client.drafts[GARDEN] = "half "
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        monkeypatch.setattr(client, "timeline", timeline)
        open_rooms(screen, GARDEN)
        await settled(pilot)
        await pilot.press(*"a tho")
        await settled(pilot)
        screen.pane.composing.save_draft()
        await settled(pilot)
        assert client.drafts[GARDEN] == "half a tho"


async def test_what_is_typed_in_no_room_is_kept(open_app: OpenApp) -> None:
    """Over a quit, where there is still no room, and into the first one that there is."""
    client = FakeClient()
    async with open_app(client) as pilot:
        await pilot.press(*"half a tho")
    assert client.drafts == {NOWHERE: "half a tho"}
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.pane.composer.text == "half a tho"
        await pilot.press(*"ugh")
    assert client.drafts == {NOWHERE: "half a though"}
    client.add_room(LOBBY, parse_room_name("lobby"))
    client.drafts[LOBBY] = "its own"
    async with open_app(client) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        assert screen.pane.composer.text == "its own\nhalf a though"
    assert client.drafts == {NOWHERE: "", LOBBY: "its own\nhalf a though"}


async def test_a_room_that_is_lost_keeps_what_was_written_there(
    client: FakeClient, open_app: OpenApp
) -> None:
    """Kicked in the middle of a sentence: the rest of it and Enter go to no other room."""
    client.drafts[LOBBY] = "of the lobby"
    async with open_app(client) as pilot:
        screen = await opened(pilot, GARDEN)
        await pilot.press(*"for the garden alone")
        client.remove_room(GARDEN)
        await settled(pilot)
        await pilot.press(*", please", "enter", *"!")
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert screen.pane.composer.text == "for the garden alone, please!"
        assert not [call for call in client.calls if call[0] == "send"]
        await pilot.press("alt+1")
        await settled(pilot)
        assert screen.pane.current.id not in {GARDEN, None}
        assert "garden" not in screen.pane.composer.text
        assert client.drafts[GARDEN] == "for the garden alone, please!"


async def test_the_last_room_that_is_lost_keeps_it_too(client: FakeClient, open_app: OpenApp) -> None:
    """What is typed goes on belonging to it, though it can't be sent."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press(*"for the lobby")
        for room in [room.id for room in client.rooms.all]:
            client.remove_room(room)
        await settled(pilot)
        await pilot.press(*" as ever")
        assert screen.pane.composer.text == "for the lobby as ever"
    assert client.drafts[LOBBY] == "for the lobby as ever"
    assert not client.drafts.get(NOWHERE)


@pytest.mark.parametrize("line", ["hello", "/topic of the lobby"])
async def test_enter_means_the_room_that_it_was_pressed_in(
    line: str, client: FakeClient, open_app: OpenApp
) -> None:
    """Another room is asked for before what was sent is dealt with: nothing goes there."""
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        screen.pane.composer.put(line)
        screen.pane.composer._send()
        open_rooms(screen, GARDEN)
        screen.pane.composer._send()
        await settled(pilot)
        assert screen.pane.current.id == GARDEN
        assert [call[1] for call in client.calls if call[0] in {"send", "set_topic"}] == [LOBBY][
            : line == "hello"
        ]
        assert client.drafts.get(LOBBY, "") == ""  # a command that was refused is no draft


async def test_forgetting_old_messages_leaves_an_edit_as_it_is(client: FakeClient, open_app: OpenApp) -> None:
    """It comes by itself, with the setting `keep`: what Enter does must not change under one's hands."""
    seq = client.say(LOBBY, ALICE, "a tpyo").seq
    client.mark_all_read()
    async with open_app(client) as pilot:
        screen = await opened(pilot)
        await pilot.press("alt+up", "e", "!")
        await settled(pilot)
        client.tell(RoomForgotten(LOBBY))
        await settled(pilot)
        assert screen.pane.composer.text == "a tpyo!"
        await pilot.press("enter")
        await settled(pilot)
        assert ("edit", LOBBY, seq, "a tpyo!") in client.calls
