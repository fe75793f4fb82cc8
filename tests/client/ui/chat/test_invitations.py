"""Invitations on the screen: they stand first in the list of rooms, and Enter on one asks what to do."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.client.ui.chat.interaction_fake import FakeInteraction
from tests.client.ui.conftest import OpenApp, lobby, screen_text, settled, write
from tests.client.ui.ui_fake import BOB, DIRECT, LOBBY, FakeClient

from parlour_client.core.model import Invitation
from parlour_client.ui.chat.invitations import InvitationPrompts
from parlour_client.ui.chat.room_list import INVITATIONS, next_unread, sections
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import RoomKind

ATTIC = Invitation(
    id=RoomId("N" * 22), kind=RoomKind.PRIVATE, inviter=BOB, at=Millis(1), name=parse_room_name("attic")
)


@pytest.fixture
def prompts(client: FakeClient) -> tuple[InvitationPrompts, FakeInteraction]:
    """Return what asks about invitations, and what a person sees of it."""
    interaction = FakeInteraction()
    composing: Any = interaction

    async def open_room(room: RoomId) -> None:
        interaction.say(f"opened {room}")

    pane: Any = SimpleNamespace(client=client, interaction=interaction)
    return InvitationPrompts(pane, composing, open_room), interaction


@pytest.mark.parametrize(
    ("answer", "calls", "said"),
    [
        ("accept", [("accept", ATTIC.id)], [f"opened {ATTIC.id}"]),
        ("decline", [("decline", ATTIC.id)], ["Declined. bob isn't notified."]),
        ("block", [("block", BOB, True)], []),
        (None, [], []),
    ],
)
async def test_each_answer_does_one_thing(
    client: FakeClient,
    prompts: tuple[InvitationPrompts, FakeInteraction],
    answer: str | None,
    calls: list[object],
    said: list[str],
) -> None:
    """L14: only accepting opens the room, and closing the dialog answers nothing."""
    asking, interaction = prompts
    client.invited(ATTIC)
    asking.ask(ATTIC.id)
    await interaction.answer(answer)
    assert client.calls == calls
    assert interaction.said == said


async def test_an_invitation_that_was_withdrawn_meanwhile_asks_nothing(
    client: FakeClient, prompts: tuple[InvitationPrompts, FakeInteraction]
) -> None:
    """It was chosen from a list that is older."""
    asking, interaction = prompts
    client.invited(ATTIC)
    asking.choose()
    client.invited()
    await interaction.answer(ATTIC.id)
    assert len(interaction.dialogs) == 1


async def test_an_invitation_comes_live_and_is_accepted_by_enter(
    client: FakeClient, open_app: OpenApp
) -> None:
    """L14: what is shown is its name and inviter; a click or Enter asks, and accepting opens the room."""
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        client.invited(ATTIC)
        await pilot.pause(0.1)
        shown = screen_text(pilot)
        assert INVITATIONS in shown
        assert "   *attic " in shown
        await pilot.press("f2", *"attic", "enter")
        await pilot.pause()
        assert "bob invites you to attic, a private room" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert ("accept", ATTIC.id) in client.calls
        assert screen.pane.current.id == ATTIC.id
        assert "   *attic " not in screen_text(pilot)


async def test_declining_and_blocking_are_the_other_answers(client: FakeClient, open_app: OpenApp) -> None:
    """Esc answers nothing; no one but the person hears of any of it."""
    client.invited(ATTIC)
    async with open_app(client) as pilot:
        await lobby(pilot)
        await pilot.press("f2", *"attic", "enter", "escape")
        await settled(pilot)
        assert not [call for call in client.calls if call[0] in {"accept", "decline", "block"}]
        await write(pilot, "/invitations")
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("down", "enter")
        await settled(pilot)
        assert ("decline", ATTIC.id) in client.calls
        client.invited(ATTIC)
        await write(pilot, "/block bob")
        await settled(pilot)
        assert ("block", BOB, True) in client.calls
        assert client.invitations.all == []


async def test_the_commands_mean_the_one_that_waits(client: FakeClient, open_app: OpenApp) -> None:
    """By name, or the only one; where none waits a sentence says so."""
    client.invited(ATTIC)
    async with open_app(client) as pilot:
        screen = await lobby(pilot)
        await write(pilot, "/accept nowhere")
        await settled(pilot)
        assert "There is no such invitation" in screen_text(pilot)
        await write(pilot, "/accept")
        await settled(pilot)
        assert screen.pane.current.id == ATTIC.id
        await write(pilot, "/decline")
        await settled(pilot)
        assert "There is no such invitation" in screen_text(pilot)


async def test_a_direct_room_that_waits_is_looked_into_and_answered(
    client: FakeClient, open_app: OpenApp
) -> None:
    """L14: it stands among the invitations, opens like a room, and says what can be done."""
    client._rooms[DIRECT] = replace(client._rooms[DIRECT], request=True, unread=3)
    asked = Invitation(id=DIRECT, kind=RoomKind.DIRECT, inviter=BOB, at=Millis(1), peer=BOB)
    client.invited(asked)
    found = {
        heading: [room.title for room in rooms] for heading, rooms, _ in sections(client.rooms.all, "name")
    }
    assert found[INVITATIONS] == ["@bob"]
    assert found["Direct"] == []
    assert next_unread(client.rooms.all, LOBBY) is None
    async with open_app(client, size=(120, 30)) as pilot:
        await lobby(pilot)
        await pilot.press("f2", *"@bob", "enter")
        await settled(pilot)
        assert "wants to chat: /accept /decline /block" in screen_text(pilot)
        await write(pilot, "/accept")
        await settled(pilot)
        assert ("accept", DIRECT) in client.calls
        assert "wants to chat" not in screen_text(pilot)
