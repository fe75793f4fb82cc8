"""Commands for invitations: see, send and answer them, and block people. Declining notifies no one."""

from typing import Annotated

from parlour_client.commands.command import (
    SHELL,
    Call,
    Elsewhere,
    Here,
    Invited,
    Kind,
    Person,
    Takes,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import BlockedListed, Done, InvitationsListed, Opened, RoomOpened
from parlour_protocol.kit.names import UserName


@command("invite", cli="room invite", examples=("room invite garden ben",))
async def invite(call: Call, room: Here, user: Person) -> None:
    """Invite someone into this room; they enter it by accepting."""
    await call.client.invitations.send(room.id, user)


@command("uninvite", cli="room uninvite", examples=("room uninvite garden ben",))
async def uninvite(call: Call, room: Here, user: Person) -> None:
    """Withdraw your invitation of someone; moderators can withdraw everyone's."""
    await call.client.invitations.withdraw(room.id, user)


@command("invitations", cli="invitations", json=True, examples=("invitations --json",))
async def invitations(call: Call) -> InvitationsListed:
    """Show who invites you into which room, and who wants to write to you."""
    return InvitationsListed(call.client.invitations.all)


@command("accept", cli="room accept", examples=("room accept garden", "room accept @ben"))
async def accept(call: Call, invitation: Invited) -> RoomOpened:
    """Enter a room that you are invited into, or accept a direct room."""
    return RoomOpened(await call.client.invitations.accept(invitation.id), Opened.JOINED)


@command("decline", cli="room decline", examples=("room decline garden",))
async def decline(call: Call, invitation: Invited) -> Done | None:
    """Decline an invitation, or hide a direct room; nobody is told."""
    await call.client.invitations.decline(invitation.id)
    if call.front is Front.CLI:
        return None
    return Done(f"{invitation.title}: declined. {invitation.inviter} is not told.")


@command("block", cli="block", examples=("block mallory", "block mallory --off"))
async def block(
    call: Call,
    user: Annotated[UserName | None, Takes(Kind.PERSON, "PERSON")] = None,
    *,
    on: Annotated[bool | None, Takes(Kind.SWITCH, help="See their invitations again.", fronts=SHELL)] = None,
) -> BlockedListed | Done | None:
    """Hide someone's invitations and direct rooms; they are not told.

    Without USER: list who you block.
    """
    peer = call.room.peer if user is None and call.room is not None else None
    who = user or peer
    if who is None:
        return BlockedListed(await call.client.invitations.blocked())
    await call.client.invitations.block(who, on=on is not False)
    if call.front is Front.CLI or on is False:
        return None
    return Done(f"{who} is blocked: you won't see their invitations any more. They are not told.")


@command("unblock", cli=Elsewhere("parlour block USER --off"))
async def unblock(call: Call, user: Person) -> None:
    """See someone's invitations and new direct rooms again."""
    await call.client.invitations.block(user, on=False)


@command("blocked", cli=Elsewhere("parlour block"))
async def blocked(call: Call) -> BlockedListed:
    """Show who you block."""
    return BlockedListed(await call.client.invitations.blocked())
