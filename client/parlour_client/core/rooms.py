"""The rooms of the account, and operations on them: create, join, leave, roles, moderation.

Every method is one request and raises the server's refusal as a sentence. In an encrypted room the request
carries a statement that this device signs, and the room's keys follow before the method returns. Texts and
names were checked by their types before anything is sent.
"""

from collections.abc import Sequence
from dataclasses import replace

from parlour_client.core.checked_text import reason_text, topic_text
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import BanStanding, BanView, MemberView, Room
from parlour_client.core.receive.dispatcher import Dispatcher
from parlour_client.core.room_names import find_room
from parlour_client.core.sync.state import State
from parlour_client.core.transport.connection import MAX_PAGES, Connection
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import ServerMisbehavedError, SetupError, StoppedError
from parlour_client.kit.language import _
from parlour_mls import suite_of
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import Bans, Directory, Entered, RoomListing
from parlour_protocol.frames.requests import (
    Accept,
    Archive,
    Ban,
    CreateRoom,
    DeleteRoom,
    Join,
    Kick,
    Leave,
    ListBans,
    ListRooms,
    Mute,
    OpenDirect,
    Rename,
    SetRetention,
    SetRole,
    SetTopic,
    Unban,
    Unmute,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Remove, Statement
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite


class Rooms:
    """The rooms of one account."""

    def __init__(
        self,
        state: State,
        live: Connection,
        dispatcher: Dispatcher,
        e2ee: E2ee,
        clock: Clock,
    ) -> None:
        self._state = state
        self._live = live
        self._dispatcher = dispatcher
        self._e2ee = e2ee
        self._clock = clock

    @property
    def all(self) -> Sequence[Room]:
        """All of them, by title; from the archive while offline."""
        return self._state.listed

    def find(self, wanted: str) -> Room | None:
        """Return the room that a person names, listed or not. Raises SetupError if it is ambiguous."""
        return find_room(self._state.rooms, wanted)

    def get(self, room: RoomId) -> Room | None:
        """Return one of them; None if the account is not in it."""
        return self._state.room(room)

    async def create(
        self,
        name: RoomName,
        kind: RoomKind,
        topic: str = "",
        *,
        encrypted: bool = False,
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Room:
        """Create a room and own it; an encrypted one has its group when this returns."""
        if kind is RoomKind.DIRECT:
            raise SetupError(_("You open a direct room with a person."), _("Use: parlour dm USER."))
        if encrypted:
            self._e2ee.require_ready()
        _require_able(suite)
        frame = CreateRoom(
            id=new_request_id(),
            name=name,
            kind=kind,
            topic=topic_text(topic),
            encrypted=encrypted,
            suite=suite,
        )
        made = await self.enter(frame)
        if encrypted and not made.encrypted:  # a server that did not encrypt it must not get the first text
            raise EncryptionError(
                _("The server created this room without encryption, so it could read what you write there."),
                _("Leave it, and contact the server's operator some other way."),
            )
        await self._e2ee.settle(made.id)
        return made

    async def open_direct(
        self, user: UserName, *, encrypted: bool = True, suite: RoomSuite = RoomSuite.X25519
    ) -> Room:
        """Open the direct room with someone, or your notes; encrypted unless it exists unencrypted."""
        _require_able(suite)
        made = await self.enter(OpenDirect(id=new_request_id(), user=user, encrypted=encrypted, suite=suite))
        await self._e2ee.settle(made.id)
        return made

    async def join(self, room: RoomId) -> Room:
        """Join a public room."""
        statement = await self.request_listed(room)
        return await self.enter(Join(id=new_request_id(), room=room, statement=statement))

    async def leave(self, room: RoomId) -> None:
        """Leave a room. An encrypted room's only owner makes the longest-standing member its owner."""
        heir = await self._e2ee.membership.heir(room)
        if heir is not None:
            await self.set_role(room, heir, Role.OWNER)
        statement = await self._e2ee.membership.departure(room)
        await self._live.ask(Leave(id=new_request_id(), room=room, statement=statement))

    async def directory(self) -> Sequence[RoomListing]:
        """List the public rooms."""
        rooms: list[RoomListing] = []
        for _page in range(MAX_PAGES):
            after = rooms[-1].name if rooms else None
            page = await self._live.ask(ListRooms(id=new_request_id(), after=after))
            if not isinstance(page, Directory):
                raise ServerMisbehavedError(
                    _("The server answered with something other than a list of rooms.")
                )
            rooms += page.rooms
            if not page.more or not page.rooms:
                break
        return rooms

    async def members(self, room: RoomId) -> Sequence[MemberView]:
        """List who is in the room."""
        return await self._live.members(room)

    async def has(self, room: RoomId, user: UserName) -> bool:
        """Say whether someone is in the room: by the server's list, or in an encrypted room by its group."""
        listed = any(member.user == user for member in await self.members(room))
        return listed or await self._e2ee.membership.has(room, user)

    async def set_topic(self, room: RoomId, topic: str) -> None:
        """Set the topic; an empty text removes it."""
        await self._live.ask(SetTopic(id=new_request_id(), room=room, topic=topic_text(topic)))

    async def rename(self, room: RoomId, name: RoomName) -> None:
        """Give a room another name."""
        await self._live.ask(Rename(id=new_request_id(), room=room, name=name))

    async def archive(self, room: RoomId, *, on: bool) -> None:
        """Archive a room, so that it can only be read, or make it active again."""
        await self._live.ask(Archive(id=new_request_id(), room=room, on=on))

    async def delete(self, room: RoomId) -> None:
        """Delete a room for everyone, for good. This device keeps the copy that it has."""
        await self._live.ask(DeleteRoom(id=new_request_id(), room=room))

    async def set_retention(self, room: RoomId, days: int | None) -> None:
        """Have the server remove messages after so many days; None: keep them as long as it keeps any."""
        await self._live.ask(SetRetention(id=new_request_id(), room=room, days=days))

    async def set_role(self, room: RoomId, user: UserName, role: Role) -> None:
        """Give a member a role."""
        statement = await self._e2ee.membership.role(room, user, role)
        await self._live.ask(
            SetRole(id=new_request_id(), room=room, user=user, role=role, statement=statement)
        )
        await self._e2ee.settle(room)

    async def kick(self, room: RoomId, user: UserName, reason: str = "") -> None:
        """Remove a member; they can join again."""
        words = reason_text(reason)
        statement = await self._e2ee.membership.removal(room, user)
        await self._live.ask(
            Kick(id=new_request_id(), room=room, user=user, reason=words, statement=statement)
        )
        await self._e2ee.settle(room)

    async def ban(self, room: RoomId, user: UserName, *, seconds: int | None, reason: str = "") -> None:
        """Remove someone and keep them out, for a time or for ever."""
        words = reason_text(reason)
        until = None if seconds is None else Millis(self._clock.now() + 1_000 * seconds)
        statement = await self._e2ee.membership.removal(room, user, ban=True, until=until)
        await self._live.ask(
            Ban(id=new_request_id(), room=room, user=user, seconds=seconds, reason=words, statement=statement)
        )
        await self._e2ee.settle(room)

    async def bans(self, room: RoomId) -> Sequence[BanView]:
        """List who is banned, by name; in an encrypted room by what its members signed."""
        listed: dict[UserName, BanView] = {}
        for _page in range(MAX_PAGES):
            after = next(reversed(listed), None)
            page = await self._live.ask(ListBans(id=new_request_id(), room=room, after=after))
            if not isinstance(page, Bans):
                raise ServerMisbehavedError(
                    _("The server answered with something other than a list of bans.")
                )
            listed |= {
                ban.user: BanView(ban.user, ban.by, ban.at, ban.until, ban.reason) for ban in page.bans
            }
            if not page.more or not page.bans:
                break
        signed = await self._e2ee.membership.bans(room)
        if signed is None:
            return list(listed.values())
        found = {user: replace(ban, standing=BanStanding.CLAIMED) for user, ban in listed.items()}
        found |= {user: _signed_ban(one, listed.get(user)) for user, one in signed.items()}
        return [found[user] for user in sorted(found)]

    async def unban(self, room: RoomId, user: UserName) -> None:
        """Lift a ban."""
        statement = await self._e2ee.membership.unban(room, user)
        await self._live.ask(Unban(id=new_request_id(), room=room, user=user, statement=statement))
        await self._e2ee.settle(room)

    async def mute(self, room: RoomId, user: UserName, *, seconds: int | None) -> None:
        """Let a member read but not write."""
        await self._live.ask(Mute(id=new_request_id(), room=room, user=user, seconds=seconds))

    async def unmute(self, room: RoomId, user: UserName) -> None:
        """Let a muted member write again."""
        await self._live.ask(Unmute(id=new_request_id(), room=room, user=user))

    # for the other objects of the client
    async def enter(self, frame: CreateRoom | OpenDirect | Join | Accept) -> Room:
        """Send a request that makes the account a member of a room; return that room."""
        result = await self._live.ask(frame)
        if not isinstance(result, Entered):
            raise ServerMisbehavedError(_("The server answered with something other than a room."))
        if isinstance(frame, CreateRoom | OpenDirect) and result.room.suite < frame.suite:
            raise EncryptionError(  # before this device makes keys for it
                _("The server says that this room was created without post-quantum keys."),
                _(
                    "That can't be changed later. If you just created the room, contact the server's "
                    "operator."
                ),
            )
        await self._dispatcher.enter(result.room)
        room = self._state.room(result.room.room)
        if room is None:
            raise StoppedError(_("You are no longer in this room."))
        return room

    def is_encrypted(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return self._e2ee.covers(room)

    async def request_listed(self, room: RoomId) -> StatementBytes | None:
        """Sign a request to join a room, if the directory lists it as encrypted."""
        listed = next((listing for listing in await self.directory() if listing.room == room), None)
        return await self.request(room, RoomKind.PUBLIC, encrypted=listed is not None and listed.encrypted)

    async def request(self, room: RoomId, kind: RoomKind, *, encrypted: bool) -> StatementBytes | None:
        """Sign a request to join a public encrypted room; None for any other."""
        if not encrypted or kind is not RoomKind.PUBLIC:
            return None
        self._e2ee.require_ready()
        return await self._e2ee.membership.request(room)


def _signed_ban(signed: Statement, listed: BanView | None) -> BanView:
    """Return a ban as it was signed. Its reason is the server's word: no one signs it."""
    act = signed.act
    return BanView(
        act.who,
        signed.by,
        act.at,
        act.until if isinstance(act, Remove) else None,
        listed.reason if listed is not None and listed.by == signed.by else ReasonText(),
        BanStanding.IN_FORCE if listed is not None else BanStanding.NOT_LISTED,
    )


def _require_able(suite: RoomSuite) -> None:
    if suite is not RoomSuite.X25519 and not suite_of(suite).kem.available():
        raise SetupError(
            _("This Parlour can't make post-quantum keys: its cryptography package has no ML-KEM."),
            _("Install that package from PyPI, or make the room without them."),
        )
