"""Queries: requests that wait for the store (rooms, history, members, markers), and ephemeral ones.

Each returns the result of its ``ok`` or raises. What is read of a room is returned only if the person is
still a member *after* it was read (S4). What is stored is published, even if the wait for it is given up, and
what its answer needs is read in its transaction: nothing that was stored is refused. The dispatcher runs one
of these at a time for a connection.
"""

from typing import assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined
from parlour_protocol.frames.event_rules import Action
from parlour_protocol.frames.replies import (
    AnyResult,
    Bans,
    Blocked,
    Directory,
    Entered,
    Invitations,
    Member,
    Members,
    Page,
    Pins,
    ReadBy,
    ReadMarked,
    RoomSummary,
    TypingUpdate,
)
from parlour_protocol.frames.requests import (
    Accept,
    Block,
    CreateRoom,
    Decline,
    History,
    Join,
    ListBans,
    ListBlocked,
    ListInvitations,
    ListMembers,
    ListPins,
    ListRooms,
    MarkRead,
    OpenDirect,
    QueryRequest,
    Typing,
)
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.limits import BANS_PAGE, BLOCKED_PAGE, DIRECTORY_PAGE, INVITATIONS_PAGE, MEMBERS_PAGE
from parlour_protocol.rooms import RoomKind, Status
from parlour_server.app.parts import Parts
from parlour_server.chat.hooks import ChatHooks
from parlour_server.chat.permissions import in_force, require_right
from parlour_server.chat.rooms.rights import refuse_name_of_lobby
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.service.hub import Hub
from parlour_server.chat.service.notices import ConsentChanged, RoomEphemeral, UserEphemeral
from parlour_server.chat.service.peer_state import ChatPeer, by_session
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import MadeRoom, Membership, NewRoom
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.errors import RefusedError


class Queries:
    """Handles requests that are not a single append."""

    def __init__(
        self,
        parts: Parts[ChatSettings, ChatStore],
        hub: Hub,
        commands: Commands,
        hooks: ChatHooks,
    ) -> None:
        self._store = parts.store
        self._hub = hub
        self._bus = parts.bus
        self._clock = parts.clock
        self._commands = commands
        self._hooks = hooks
        self._background = parts.background

    async def answer(self, peer: ChatPeer, frame: QueryRequest) -> AnyResult | None:  # noqa: C901, PLR0911, PLR0912 - one case a request
        """Handle the request; return the result of its ``ok``. Send it before any await.

        Raises RefusedError, NameTakenError or UnavailableError.
        """
        match frame:
            case History():
                return await self._history(peer, frame)
            case MarkRead():
                await self._mark_read(peer, frame)
                return None
            case Typing():
                await self._typing(peer, frame)
                return None
            case ListMembers():
                return await self._members(peer, frame)
            case ListBans():
                return await self._bans(peer, frame)
            case ListPins():
                return await self._pins(peer, frame)
            case ListRooms():
                listed, more = await self._store.rooms.directory(
                    after=frame.after, limit=DIRECTORY_PAGE.value
                )
                return Directory(rooms=tuple(listed), more=more)
            case CreateRoom():
                return await self._create(peer, self._named_room(peer, frame))
            case OpenDirect():
                return await self._open_direct(peer, frame)
            case Join():
                return await self._join(peer, frame)
            case Accept():
                return await self._accept(peer, frame)
            case Decline():
                await self._background.finish(self._decline(by_session(peer), frame.room))
                return None
            case Block():
                await self._background.finish(self._block(by_session(peer), frame))
                return None
            case ListInvitations():
                invitations, more = await self._store.consent.invitations(
                    peer.user, after=frame.after, limit=INVITATIONS_PAGE.value
                )
                return Invitations(invitations=tuple(invitations), more=more)
            case ListBlocked():
                users, more = await self._store.consent.blocked(
                    peer.user, after=frame.after, limit=BLOCKED_PAGE.value
                )
                return Blocked(users=tuple(users), more=more)
            case _:
                assert_never(frame)

    async def _history(self, peer: ChatPeer, frame: History) -> Page:
        self._check_listens(peer, frame.room)
        page = await self._store.log.page(
            frame.room, after=frame.after, before=frame.before, limit=frame.limit
        )
        await self._membership(peer, frame.room)
        return Page(
            room=frame.room,
            events=tuple(page.entries),
            more=page.more,
            incarnation=self._store.incarnation,
            kept_from=page.kept_from,
        )

    async def _members(self, peer: ChatPeer, frame: ListMembers) -> Members:
        self._check_listens(peer, frame.room)
        found, more = await self._store.rooms.members(frame.room, after=frame.after, limit=MEMBERS_PAGE.value)
        await self._membership(peer, frame.room)
        now, status = self._clock.now(), self._hooks.status
        members = tuple(
            Member(
                user=member.user,
                role=member.role,
                status=Status.OFFLINE if member.asked or status is None else status(member.user),
                muted=in_force(member.muted_until, now),
            )
            for member in found
        )
        return Members(room=frame.room, members=members, more=more)

    async def _bans(self, peer: ChatPeer, frame: ListBans) -> Bans:
        self._check_listens(peer, frame.room)
        found, more = await self._store.rooms.bans(
            frame.room, after=frame.after, at=self._clock.now(), limit=BANS_PAGE.value
        )
        summary = await self._store.rooms.summary(frame.room, peer.user)
        if summary is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
        require_right(summary.kind, summary.role, Action.UNBAN)  # who may lift a ban may know of it
        return Bans(room=frame.room, bans=tuple(found), more=more)

    async def _pins(self, peer: ChatPeer, frame: ListPins) -> Pins:
        self._check_listens(peer, frame.room)
        targets = await self._store.rooms.pins(frame.room)
        await self._membership(peer, frame.room)
        return Pins(room=frame.room, targets=tuple(targets))

    async def _mark_read(self, peer: ChatPeer, frame: MarkRead) -> None:
        self._check_listens(peer, frame.room)
        if not await self._store.rooms.mark_read(by_session(peer), frame.room, frame.seq):
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such event, or you are not in the room")
        marked = ReadMarked(room=frame.room, seq=frame.seq)
        self._bus.publish(UserEphemeral(user=peer.user, frame=marked, origin=peer.id))
        if not frame.share or frame.room in peer.state.requests or self._hub.is_encrypted(frame.room):
            return  # in an encrypted room a receipt is an encrypted message
        if peer.state.may_announce(self._clock.monotonic()):
            shared = ReadBy(room=frame.room, user=peer.user, seq=frame.seq)
            self._bus.publish(RoomEphemeral(room=frame.room, frame=shared, origin=peer.id))

    async def _typing(self, peer: ChatPeer, frame: Typing) -> None:
        self._check_listens(peer, frame.room)
        member = await self._membership(peer, frame.room)
        if in_force(member.muted_until, self._clock.now()):
            raise RefusedError(ErrorCode.MUTED, "you are muted in this room")
        if frame.room not in peer.state.requests and peer.state.may_announce(self._clock.monotonic()):
            typing = TypingUpdate(room=frame.room, user=peer.user, on=frame.on)
            self._bus.publish(RoomEphemeral(room=frame.room, frame=typing, origin=peer.id))

    def _named_room(self, peer: ChatPeer, frame: CreateRoom) -> NewRoom:
        grant = peer.grant
        refuse_name_of_lobby(frame.kind, frame.name)
        return NewRoom(
            room=new_room_id(),
            kind=frame.kind,
            author=grant.user,
            session=grant.session,
            device=grant.device,
            request=frame.id,
            at=self._clock.now(),
            name=frame.name,
            topic=frame.topic,
            encrypted=frame.encrypted,
            suite=frame.suite,
        )

    async def _open_direct(self, peer: ChatPeer, frame: OpenDirect) -> Entered:
        grant = peer.grant
        account = await self._store.accounts.find(frame.user)
        if account is None or account.disabled:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
        room = NewRoom(
            room=new_room_id(),
            kind=RoomKind.DIRECT,
            author=grant.user,
            session=grant.session,
            device=grant.device,
            request=frame.id,
            at=self._clock.now(),
            peer=account.user,
            encrypted=frame.encrypted,
            suite=frame.suite,
        )
        return await self._create(peer, room)

    async def _create(self, peer: ChatPeer, new: NewRoom) -> Entered:
        peer.state.expects = new.room
        try:
            with self._hub.ended.watching(peer.user) as ended:
                made = await self._background.finish(self._make(new))
                room = made.room
                was_hidden = not made.events and (room not in peer.state.rooms or room in peer.state.requests)
                entered = Entered(room=self._hub.enter(peer, made.entered, ended))
            if was_hidden:  # opening a direct room that the other person opened accepts it
                self._bus.publish(ConsentChanged(peer.user, room))
            return entered
        finally:
            self._stop_expecting(peer, new.room)

    async def _make(self, new: NewRoom) -> MadeRoom:
        made = await self._store.rooms.create(new)
        if made.events and new.peer is not None:  # the event does not name them
            self._bus.publish_elsewhere(ConsentChanged(new.peer, made.room))
            self._hub.consent_handled(new.peer, made.room)
        return made

    async def _accept(self, peer: ChatPeer, frame: Accept) -> Entered:
        """Accept a direct room, or an invitation."""
        with self._hub.ended.watching(peer.user) as ended:
            summary = await self._background.finish(self._accept_direct(by_session(peer), frame.room))
            if summary is not None:
                return Entered(room=self._hub.enter(peer, summary, ended))
        return await self._join(peer, frame)

    async def _accept_direct(self, by: BySession, room: RoomId) -> RoomSummary | None:
        summary = await self._store.consent.accept_direct(by, room)
        if summary is not None:
            self._bus.publish(ConsentChanged(by.user, room))
        return summary

    async def _decline(self, by: BySession, room: RoomId) -> None:
        if not await self._store.consent.decline(by, room):
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such invitation")
        self._bus.publish(ConsentChanged(by.user, room))

    async def _block(self, by: BySession, frame: Block) -> None:
        for room in await self._store.consent.block(by, frame.user, on=frame.on):
            self._bus.publish(ConsentChanged(by.user, room))

    async def _join(self, peer: ChatPeer, frame: Join | Accept) -> Entered:
        signed = frame.statement
        body = Joined(acceptance=signed) if isinstance(frame, Accept) else Joined(statement=signed)
        peer.state.expects = frame.room
        try:
            with self._hub.ended.watching(peer.user) as ended:
                appended = await self._commands.commit(peer.grant, frame.id, frame.room, body)
                return Entered(room=self._hub.enter(peer, appended.answer, ended))
        finally:
            self._stop_expecting(peer, frame.room)

    def _stop_expecting(self, peer: ChatPeer, room: RoomId) -> None:
        """Let the hub deliver the room from here on, even if this request failed half-way."""
        peer.state.expects = None
        if room not in peer.state.rooms and not peer.closed:
            peer.state.entered.add(room)
            self._hub.enter_late(peer)

    def _check_listens(self, peer: ChatPeer, room: RoomId) -> None:
        """Refuse a stranger before the store is asked anything."""
        if room not in peer.state.rooms:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")

    async def _membership(self, peer: ChatPeer, room: RoomId) -> Membership:
        member = await self._store.rooms.membership(room, peer.user)
        if member is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
        return member
