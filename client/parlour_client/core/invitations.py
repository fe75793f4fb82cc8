"""Invitations: those that wait for this account's answer, those that it sends, and people whom it blocks."""

from collections.abc import Sequence

from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import Invitation, Room
from parlour_client.core.rooms import Rooms
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.transport.connection import MAX_PAGES, Connection
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.frames.replies import Blocked
from parlour_protocol.frames.requests import Accept, Block, Decline, Invite, ListBlocked, Uninvite
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind


class Invitations:
    """The invitations of one account."""

    def __init__(
        self,
        waiting: WaitingInvitations,
        live: Connection,
        rooms: Rooms,
        e2ee: E2ee,
    ) -> None:
        self._waiting = waiting
        self._live = live
        self._rooms = rooms
        self._e2ee = e2ee

    @property
    def all(self) -> Sequence[Invitation]:
        """Invitations that wait for this account's answer, the newest first; empty while offline.

        Invitations into rooms, and direct rooms that others opened.
        """
        return self._waiting.all

    async def send(self, room: RoomId, user: UserName) -> bool:
        """Invite someone into the room; they are in it once they accept. True: they can't accept yet.

        In an encrypted room this device signs their admission, also of someone whom the server lists already;
        if their account has no key yet, it does so when it has one.
        """
        statement = await self._e2ee.membership.admission(room, user)
        await self._live.ask(Invite(id=new_request_id(), room=room, user=user, statement=statement))
        return statement is None and self._rooms.is_encrypted(room)

    async def withdraw(self, room: RoomId, user: UserName) -> None:
        """Withdraw someone's invitation; in an encrypted room all that this account may withdraw, signed."""
        signed = await self._e2ee.membership.withdrawals(room, user)
        for statement in signed or (None,):
            await self._live.ask(Uninvite(id=new_request_id(), room=room, user=user, statement=statement))
        if signed:
            await self._e2ee.settle(room)  # it counts once a commit has executed it

    async def accept(self, room: RoomId) -> Room:
        """Accept an invitation, or a direct room."""
        known = next((invitation for invitation in self.all if invitation.id == room), None)
        if known is None and self._live.conversation is not None:  # perhaps it is on its way
            await self._waiting.look(self._live.conversation)
            known = next((invitation for invitation in self.all if invitation.id == room), None)
        if known is None:  # there is none, and the room is public
            statement = await self._rooms.request_listed(room)
        elif known.statement is not None:
            statement = await self._e2ee.membership.acceptance(room, known.statement)
        else:
            statement = await self._rooms.request(room, known.kind, encrypted=known.encrypted)
            if known.encrypted and statement is None and known.kind is not RoomKind.DIRECT:
                raise EncryptionError(
                    _("A device of {inviter} must sign this invitation first.").format(inviter=known.inviter),
                    _("It does so when it is online."),
                )
        return await self._rooms.enter(Accept(id=new_request_id(), room=room, statement=statement))

    async def decline(self, room: RoomId) -> None:
        """Decline an invitation, or hide a direct room that someone opened. They are not notified."""
        await self._live.ask(Decline(id=new_request_id(), room=room))
        self._waiting.removed(room)

    async def block(self, user: UserName, *, on: bool = True) -> None:
        """Block someone's invitations and direct rooms, or unblock them. They are not notified."""
        await self._live.ask(Block(id=new_request_id(), user=user, on=on))

    async def blocked(self) -> Sequence[UserName]:
        """List the blocked accounts."""
        names: list[UserName] = []
        for _page in range(MAX_PAGES):
            after = names[-1] if names else None
            page = await self._live.ask(ListBlocked(id=new_request_id(), after=after))
            if not isinstance(page, Blocked):
                raise ServerMisbehavedError(
                    _("The server answered with something other than a list of people.")
                )
            names += page.users
            if not page.more or not page.users:
                break
        return names
