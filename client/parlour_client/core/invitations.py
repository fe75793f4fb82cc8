"""Invitations: those that wait for this account's answer, those that it sends, and people whom it blocks."""

from collections.abc import Sequence

from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.model import Invitation, Room
from parlour_client.core.rooms import MAX_PAGES, Rooms
from parlour_client.core.sync.waiting_invitations import WaitingInvitations
from parlour_client.core.transport.chat_conversation import ChatConnection
from parlour_client.kit.errors import RefusedError, ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.errors import ErrorCode
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
        live: ChatConnection,
        rooms: Rooms,
        membership: Membership | None,
    ) -> None:
        self._waiting = waiting
        self._live = live
        self._rooms = rooms
        self._membership = membership

    @property
    def all(self) -> Sequence[Invitation]:
        """Invitations that wait for this account's answer, the newest first; empty while offline.

        Invitations into rooms, and direct rooms that others opened.
        """
        return self._waiting.all

    async def send(self, room: RoomId, user: UserName) -> None:
        """Invite someone into the room; they are in it once they accept.

        In an encrypted room this device admits them, also someone whom the server lists already.
        """
        signs = self._membership
        statement = None if signs is None else await signs.admission(room, user)
        try:
            await self._live.ask(Invite(id=new_request_id(), room=room, user=user, statement=statement))
        except RefusedError as error:
            if error.code != ErrorCode.ALREADY or statement is None:
                raise
            await self._rooms.reconcile(room)

    async def withdraw(self, room: RoomId, user: UserName) -> None:
        """Withdraw an invitation."""
        if self._membership is not None:
            await self._membership.ask_out(room, user)
        await self._live.ask(Uninvite(id=new_request_id(), room=room, user=user))

    async def accept(self, room: RoomId) -> Room:
        """Accept an invitation, or a direct room."""
        known = next((one for one in self.all if one.id == room), None)
        if known is None:  # the invitation has not arrived yet, or there is none and the room is public
            statement = await self._rooms.request_listed(room)
        else:
            statement = self._rooms.request(room, known.kind, encrypted=known.encrypted, invited=known.at)
            if self._membership is not None and known.kind is not RoomKind.DIRECT and statement is None:
                await self._membership.accepted(room, known.inviter)
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
