"""What a client asks about rooms and people, each as one method: the second half of ``ChatClient``.

Every method is one request and raises what the server refused in words. ``Client`` inherits it and says how
to ask; texts and names were checked by their types before anything is sent.
"""

from collections.abc import Sequence

from parlour_client.core.checked_text import reason_text, topic_text
from parlour_client.core.e2ee.maintenance.membership import Membership
from parlour_client.core.errors import EncryptionError, RefusedError, ServerMisbehavedError, SetupError
from parlour_client.core.model import Invitation, MemberView, Room
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import AnyRequest, AnyResult
from parlour_protocol.frames.base import Role, RoomKind, RoomSuite
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Blocked, Directory, Entered, Members, RoomListing
from parlour_protocol.frames.requests import (
    Accept,
    Ban,
    Block,
    CreateRoom,
    Decline,
    Encrypt,
    Invite,
    Join,
    Kick,
    Leave,
    ListBlocked,
    ListMembers,
    ListRooms,
    Mute,
    OpenDirect,
    SetRole,
    SetTopic,
    Unban,
    Uninvite,
    Unmute,
)
from parlour_protocol.ids import Millis, RoomId, new_request_id
from parlour_protocol.mls import suite_of
from parlour_protocol.names import RoomName, UserName

MAX_PAGES = 40
"""Pages of a list that are read: a server that never says `the end` does not hold the client."""


def _require_able(suite: RoomSuite) -> None:
    if suite is not RoomSuite.X25519 and not suite_of(suite).kem.available():
        raise SetupError(
            "This Parlour cannot make post-quantum keys: its cryptography package has no ML-KEM.",
            "Install that package from PyPI, or make the room without them.",
        )


class RoomCalls:
    """Requests about rooms. A subclass gives ``_ask`` and ``_entered``."""

    @property
    def invitations(self) -> Sequence[Invitation]:
        """What waits for this account's yes."""
        raise NotImplementedError

    def _now(self) -> Millis:
        raise NotImplementedError

    async def _ask(self, frame: AnyRequest) -> AnyResult | None:
        raise NotImplementedError

    async def _entered(self, entered: Entered) -> Room:
        raise NotImplementedError

    async def _settled(self, room: RoomId) -> None:
        """Bring an encrypted room's group to what it ought to be. Raises why it cannot."""
        raise NotImplementedError

    def _require_keys(self) -> None:
        """Raise where this device cannot write in encrypted rooms."""
        raise NotImplementedError

    @property
    def _membership(self) -> Membership | None:
        """What signs decisions about members of encrypted rooms; None where there is no encryption."""
        raise NotImplementedError

    async def create_room(
        self,
        name: RoomName,
        kind: RoomKind,
        topic: str = "",
        *,
        encrypted: bool = False,
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Room:
        """Make a room and be its owner; an encrypted one has its group when this returns."""
        if kind is RoomKind.DIRECT:
            raise SetupError("A direct room is opened with a person, not made.", "Use: parlour dm USER.")
        if encrypted:
            self._require_keys()
        _require_able(suite)
        frame = CreateRoom(
            id=new_request_id(),
            name=name,
            kind=kind,
            topic=topic_text(topic),
            encrypted=encrypted,
            suite=suite,
        )
        made = await self._enter(frame)
        if encrypted and not made.encrypted:  # a server that does not do it must not get the first words
            raise EncryptionError(
                "The server made this room without encryption: it could read what is said there.",
                "Leave it, and talk to the server's operator over another way.",
            )
        await self._settled(made.id)
        return made

    async def open_direct(
        self, user: UserName, *, encrypted: bool = True, suite: RoomSuite = RoomSuite.X25519
    ) -> Room:
        """Open the room with one person; oneself: notes. It is encrypted unless it was opened otherwise."""
        _require_able(suite)
        frame = OpenDirect(id=new_request_id(), user=user, encrypted=encrypted, suite=suite)
        made = await self._enter(frame)
        await self._settled(made.id)
        return made

    async def encrypt(self, room: RoomId) -> None:
        """Make a room end-to-end encrypted from here on, for good."""
        self._require_keys()
        await self._ask(Encrypt(id=new_request_id(), room=room))

    async def join(self, room: RoomId) -> Room:
        """Enter a public room."""
        statement = await self._request_listed(room)
        return await self._enter(Join(id=new_request_id(), room=room, statement=statement))

    async def leave(self, room: RoomId) -> None:
        """Leave a room. The only owner of an encrypted one gives it to who has been in it longest."""
        signs = self._membership
        heir = None if signs is None else await signs.heir(room)
        if heir is not None:
            await self.set_role(room, heir, Role.OWNER)
        statement = None if signs is None else await signs.departure(room)
        await self._ask(Leave(id=new_request_id(), room=room, statement=statement))

    async def directory(self) -> Sequence[RoomListing]:
        """List the public rooms."""
        rooms: list[RoomListing] = []
        for _ in range(MAX_PAGES):
            page = await self._ask(ListRooms(id=new_request_id(), after=rooms[-1].name if rooms else None))
            if not isinstance(page, Directory):
                raise ServerMisbehavedError("The server answered with something else than a directory.")
            rooms += page.rooms
            if not page.more or not page.rooms:
                break
        return rooms

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        """List who is in the room."""
        members: list[MemberView] = []
        for _ in range(MAX_PAGES):
            after = members[-1].user if members else None
            page = await self._ask(ListMembers(id=new_request_id(), room=room, after=after))
            if not isinstance(page, Members):
                raise ServerMisbehavedError("The server answered with something else than members.")
            members += [MemberView(m.user, m.role, m.status, m.muted) for m in page.members]
            if not page.more or not page.members:
                break
        return members

    async def invite(self, room: RoomId, user: UserName) -> None:
        """Invite somebody into the room; they are in it once they accept.

        In an encrypted room this device admits them, also somebody whom the server lists already.
        """
        signs = self._membership
        statement = None if signs is None else await signs.admission(room, user)
        try:
            await self._ask(Invite(id=new_request_id(), room=room, user=user, statement=statement))
        except RefusedError as error:
            if error.code != ErrorCode.ALREADY or statement is None:
                raise
            await self._settled(room)

    async def uninvite(self, room: RoomId, user: UserName) -> None:
        """Take an invitation back."""
        if self._membership is not None:
            await self._membership.ask_out(room, user)
        await self._ask(Uninvite(id=new_request_id(), room=room, user=user))

    async def accept(self, room: RoomId) -> Room:
        """Enter a room that one is invited into, or say yes to a direct room."""
        known = next((one for one in self.invitations if one.id == room), None)
        if known is None:  # the invitation has not come yet, or there is none and the room is public
            statement = await self._request_listed(room)
        else:
            statement = self._request(room, known.kind, encrypted=known.encrypted, invited=known.at)
            if self._membership is not None and known.kind is not RoomKind.DIRECT and statement is None:
                await self._membership.accepted(room, known.inviter)
        return await self._enter(Accept(id=new_request_id(), room=room, statement=statement))

    async def decline(self, room: RoomId) -> None:
        """Turn an invitation down, or hide a direct room that somebody opened. They are not told."""
        await self._ask(Decline(id=new_request_id(), room=room))

    async def block(self, user: UserName, *, on: bool = True) -> None:
        """See no invitation and no direct room of somebody any more, or see them again. They are not told."""
        await self._ask(Block(id=new_request_id(), user=user, on=on))

    async def blocked(self) -> Sequence[UserName]:
        """List whom this account blocks."""
        names: list[UserName] = []
        for _ in range(MAX_PAGES):
            page = await self._ask(ListBlocked(id=new_request_id(), after=names[-1] if names else None))
            if not isinstance(page, Blocked):
                raise ServerMisbehavedError("The server answered with something else than a list of people.")
            names += page.users
            if not page.more or not page.users:
                break
        return names

    async def set_topic(self, room: RoomId, topic: str) -> None:
        """Set the topic; empty takes it away."""
        await self._ask(SetTopic(id=new_request_id(), room=room, topic=topic_text(topic)))

    async def set_role(self, room: RoomId, user: UserName, role: Role) -> None:
        """Give a member a role."""
        signs = self._membership
        statement = None if signs is None else await signs.role(room, user, role)
        frame = SetRole(id=new_request_id(), room=room, user=user, role=role, statement=statement)
        await self._ask(frame)
        await self._settled(room)

    async def kick(self, room: RoomId, user: UserName, reason: str = "") -> None:
        """Put a member out."""
        words, signs = reason_text(reason), self._membership
        statement = None if signs is None else await signs.removal(room, user)
        frame = Kick(id=new_request_id(), room=room, user=user, reason=words, statement=statement)
        await self._ask(frame)
        await self._settled(room)

    async def ban(self, room: RoomId, user: UserName, *, seconds: int | None, reason: str = "") -> None:
        """Put somebody out and keep them out."""
        words, signs = reason_text(reason), self._membership
        until = None if seconds is None else Millis(self._now() + 1_000 * seconds)
        statement = None if signs is None else await signs.removal(room, user, ban=True, until=until)
        frame = Ban(
            id=new_request_id(), room=room, user=user, seconds=seconds, reason=words, statement=statement
        )
        await self._ask(frame)
        await self._settled(room)

    async def unban(self, room: RoomId, user: UserName) -> None:
        """Lift a ban."""
        signs = self._membership
        statement = None if signs is None else await signs.unban(room, user)
        await self._ask(Unban(id=new_request_id(), room=room, user=user, statement=statement))
        await self._settled(room)

    async def mute(self, room: RoomId, user: UserName, *, seconds: int | None) -> None:
        """Let a member read but not write."""
        await self._ask(Mute(id=new_request_id(), room=room, user=user, seconds=seconds))

    async def unmute(self, room: RoomId, user: UserName) -> None:
        """Let a muted member write again."""
        await self._ask(Unmute(id=new_request_id(), room=room, user=user))

    async def _request_listed(self, room: RoomId) -> StatementBytes | None:
        """Sign a request where the directory has the room as an encrypted one."""
        listed = next((one for one in await self.directory() if one.room == room), None)
        return self._request(room, RoomKind.PUBLIC, encrypted=listed is not None and listed.encrypted)

    def _request(
        self, room: RoomId, kind: RoomKind, *, encrypted: bool, invited: Millis | None = None
    ) -> StatementBytes | None:
        signs = self._membership
        if signs is None or not encrypted or kind is not RoomKind.PUBLIC:
            return None
        self._require_keys()
        return signs.request(room, invited)

    async def _enter(self, frame: CreateRoom | OpenDirect | Join | Accept) -> Room:
        result = await self._ask(frame)
        if not isinstance(result, Entered):
            raise ServerMisbehavedError("The server answered with something else than a room.")
        if isinstance(frame, CreateRoom | OpenDirect) and result.room.suite < frame.suite:
            raise EncryptionError(  # before this device makes keys for it
                "The server says that this room was made without post-quantum keys.",
                "A room keeps what it was made with. If you made it just now, talk to the server's operator.",
            )
        return await self._entered(result)
