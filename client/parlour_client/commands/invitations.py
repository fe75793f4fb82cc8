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
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.names import UserName


@command("invite", cli="room invite", examples=("room invite garden ben",))
async def invite(call: Call, room: Here, user: Person) -> Done | None:
    """Invite someone to this room; they join when they accept."""
    if not await call.client.invitations.send(room.id, user):
        return None
    return Done(_("{user} is invited as soon as they have connected once.").format(user=user))


@command("uninvite", cli="room uninvite", undoes="invite", examples=("room uninvite garden ben",))
async def uninvite(call: Call, room: Here, user: Person) -> None:
    """Withdraw your invitation to someone; moderators can withdraw anyone's."""
    await call.client.invitations.withdraw(room.id, user)


@command("invitations", cli="invitations", json=True, examples=("invitations --json",))
async def invitations(call: Call) -> InvitationsListed:
    """Show your invitations, and who wants to message you."""
    return InvitationsListed(call.client.invitations.all)


@command("accept", cli="room accept", examples=("room accept garden", "room accept @ben"))
async def accept(call: Call, invitation: Invited) -> RoomOpened:
    """Join a room you are invited to, or accept a direct room."""
    return RoomOpened(await call.client.invitations.accept(invitation.id), Opened.JOINED)


@command("decline", cli="room decline", examples=("room decline garden",))
async def decline(call: Call, invitation: Invited) -> Done | None:
    """Decline an invitation, or hide a direct room; they aren't notified."""
    await call.client.invitations.decline(invitation.id)
    if call.front is Front.CLI:
        return None
    return Done(
        _("{title}: declined. {inviter} isn't notified.").format(
            title=invitation.title, inviter=invitation.inviter
        )
    )


@command("block", cli="block", examples=("block mallory", "block mallory --off"))
async def block(
    call: Call,
    user: Annotated[UserName | None, Takes(Kind.PERSON, "PERSON")] = None,
    *,
    on: Annotated[
        bool | None,
        Takes(Kind.SWITCH, help=N_("Unblock USER, and see their invitations again."), fronts=SHELL),
    ] = None,
) -> BlockedListed | Done | None:
    """Hide someone's invitations and direct rooms; they aren't notified.

    Without USER, list the people you block.
    """
    peer = call.room.peer if user is None and call.room is not None else None
    who = user or peer
    if who is None:
        return BlockedListed(await call.client.invitations.blocked())
    await call.client.invitations.block(who, on=on is not False)
    if call.front is Front.CLI or on is False:
        return None
    return Done(
        _("{who} is blocked: you won't see their invitations any more. They aren't notified.").format(who=who)
    )


@command("unblock", undoes="block", cli=Elsewhere("parlour block USER --off"))
async def unblock(call: Call, user: Person) -> None:
    """See someone's invitations and new direct rooms again."""
    await call.client.invitations.block(user, on=False)


@command("blocked", cli=Elsewhere("parlour block"))
async def blocked(call: Call) -> BlockedListed:
    """List the people you block."""
    return BlockedListed(await call.client.invitations.blocked())
