"""Queries: requests that wait for the store (rooms, history, members, markers), and ephemeral ones.

Each returns the result of its ``ok`` or raises. A result is returned only if the person is still a member
*after* it was read (S4). The dispatcher runs one of these at a time for a connection.
"""

from typing import assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined
from parlour_protocol.frames.replies import (
    AnyResult,
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
    TypingUpdate,
)
from parlour_protocol.frames.requests import (
    Accept,
    Block,
    CreateRoom,
    Decline,
    History,
    Join,
    ListBlocked,
    ListInvitations,
    ListMembers,
    ListPins,
    ListRooms,
    MarkRead,
    OpenDirect,
    SetStatus,
    Typing,
)
from parlour_protocol.ids import RoomId, new_room_id
from parlour_protocol.kit.limits import PAGE_BYTES
from parlour_protocol.kit.names import skeleton
from parlour_protocol.limits import BLOCKED_PAGE, DIRECTORY_PAGE, INVITATIONS_PAGE, MEMBERS_PAGE
from parlour_protocol.rooms import RoomKind, Status
from parlour_server.chat.commands import Commands
from parlour_server.chat.hub import Hub
from parlour_server.chat.notices import ConsentChanged, EventCommitted, RoomEphemeral, UserEphemeral
from parlour_server.chat.presence import Presence
from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.clock import Clock
from parlour_server.kit.connections.peer_state import PeerState
from parlour_server.kit.errors import RefusedError
from parlour_server.rooms.permissions import in_force
from parlour_server.store.interface import Store
from parlour_server.store.types import Membership, NewRoom

AskingRequest = (
    CreateRoom
    | OpenDirect
    | Join
    | Accept
    | Decline
    | Block
    | ListInvitations
    | ListBlocked
    | History
    | MarkRead
    | Typing
    | SetStatus
    | ListMembers
    | ListPins
    | ListRooms
)


class Queries:
    """Handles requests that are not a single append."""

    def __init__(
        self, *, store: Store, hub: Hub, bus: Bus, clock: Clock, commands: Commands, presence: Presence
    ) -> None:
        """Take the collaborators."""
        self._store = store
        self._hub = hub
        self._bus = bus
        self._clock = clock
        self._commands = commands
        self._presence = presence

    async def answer(self, state: PeerState, frame: AskingRequest) -> AnyResult | None:  # noqa: C901, PLR0911, PLR0912 - one case a request
        """Handle the request; return the result of its ``ok``. Send it before any await.

        Raises RefusedError, NameTakenError or UnavailableError.
        """
        match frame:
            case History():
                return await self._history(state, frame)
            case MarkRead():
                await self._mark_read(state, frame)
                return None
            case Typing():
                await self._typing(state, frame)
                return None
            case SetStatus():
                self._set_status(state, frame)
                return None
            case ListMembers():
                return await self._members(state, frame)
            case ListPins():
                return await self._pins(state, frame)
            case ListRooms():
                listed, more = await self._store.rooms.directory(
                    after=frame.after, limit=DIRECTORY_PAGE.value
                )
                return Directory(rooms=tuple(listed), more=more)
            case CreateRoom():
                return await self._create(state, self._named_room(state, frame))
            case OpenDirect():
                return await self._open_direct(state, frame)
            case Join():
                return await self._join(state, frame)
            case Accept():
                return await self._accept(state, frame)
            case Decline():
                await self._decline(state, frame)
                return None
            case Block():
                await self._block(state, frame)
                return None
            case ListInvitations():
                invitations, more = await self._store.consent.invitations(
                    state.user, after=frame.after, limit=INVITATIONS_PAGE.value
                )
                return Invitations(invitations=tuple(invitations), more=more)
            case ListBlocked():
                users, more = await self._store.consent.blocked(
                    state.user, after=frame.after, limit=BLOCKED_PAGE.value
                )
                return Blocked(users=tuple(users), more=more)
            case _:
                assert_never(frame)

    async def _history(self, state: PeerState, frame: History) -> Page:
        self._check_listens(state, frame.room)
        events, more = await self._store.log.page(
            frame.room,
            after=frame.after,
            before=frame.before,
            limit=frame.limit,
            max_bytes=PAGE_BYTES.value,
        )
        await self._membership(state, frame.room)
        return Page(room=frame.room, events=tuple(events), more=more, incarnation=self._store.incarnation)

    async def _members(self, state: PeerState, frame: ListMembers) -> Members:
        self._check_listens(state, frame.room)
        found, more = await self._store.rooms.members(frame.room, after=frame.after, limit=MEMBERS_PAGE.value)
        await self._membership(state, frame.room)
        now = self._clock.now()
        members = tuple(
            Member(
                user=member.user,
                role=member.role,
                status=Status.OFFLINE if member.asked else self._presence.of(member.user),
                muted=in_force(member.muted_until, now),
            )
            for member in found
        )
        return Members(room=frame.room, members=members, more=more)

    async def _pins(self, state: PeerState, frame: ListPins) -> Pins:
        self._check_listens(state, frame.room)
        targets = await self._store.rooms.pins(frame.room)
        await self._membership(state, frame.room)
        return Pins(room=frame.room, targets=tuple(targets))

    async def _mark_read(self, state: PeerState, frame: MarkRead) -> None:
        self._check_listens(state, frame.room)
        if not await self._store.rooms.mark_read(state.user, frame.room, frame.seq):
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such event, or you are not in the room")
        marked = ReadMarked(room=frame.room, seq=frame.seq)
        self._bus.publish(UserEphemeral(user=state.user, frame=marked, origin=state.info.id))
        if not frame.share or frame.room in state.requests or self._hub.is_encrypted(frame.room):
            return  # in an encrypted room a receipt is an encrypted message
        if state.budget.notice(self._clock.monotonic()):
            shared = ReadBy(room=frame.room, user=state.user, seq=frame.seq)
            self._bus.publish(RoomEphemeral(room=frame.room, frame=shared, origin=state.info.id))

    async def _typing(self, state: PeerState, frame: Typing) -> None:
        self._check_listens(state, frame.room)
        member = await self._membership(state, frame.room)
        if in_force(member.muted_until, self._clock.now()):
            raise RefusedError(ErrorCode.MUTED, "you are muted in this room")
        if frame.room not in state.requests and state.budget.notice(self._clock.monotonic()):
            typing = TypingUpdate(room=frame.room, user=state.user, on=frame.on)
            self._bus.publish(RoomEphemeral(room=frame.room, frame=typing, origin=state.info.id))

    def _set_status(self, state: PeerState, frame: SetStatus) -> None:
        state.status = frame.status
        self._presence.changed(state.user, state.visible_rooms)

    def _named_room(self, state: PeerState, frame: CreateRoom) -> NewRoom:
        grant = state.info.grant
        return NewRoom(
            room=new_room_id(),
            kind=frame.kind,
            author=grant.user,
            device=grant.device,
            request=frame.id,
            at=self._clock.now(),
            name=frame.name,
            skeleton=skeleton(frame.name),
            topic=frame.topic,
            encrypted=frame.encrypted,
            suite=frame.suite,
        )

    async def _open_direct(self, state: PeerState, frame: OpenDirect) -> Entered:
        grant = state.info.grant
        account = await self._store.accounts.find(frame.user)
        if account is None or account.disabled:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such user")
        room = NewRoom(
            room=new_room_id(),
            kind=RoomKind.DIRECT,
            author=grant.user,
            device=grant.device,
            request=frame.id,
            at=self._clock.now(),
            peer=account.user,
            encrypted=frame.encrypted,
            suite=frame.suite,
        )
        return await self._create(state, room)

    async def _create(self, state: PeerState, new: NewRoom) -> Entered:
        state.expects = new.room
        try:
            room, events = await self._store.rooms.create(new)
            for event in events:
                self._bus.publish(EventCommitted(event))
            was_hidden = not events and (room not in state.rooms or room in state.requests)
            entered = Entered(room=await self._hub.enter(state, room))
            if was_hidden:  # opening a direct room that the other person opened accepts it
                self._bus.publish(ConsentChanged(state.user, room))
            return entered
        finally:
            self._stop_expecting(state, new.room)

    async def _accept(self, state: PeerState, frame: Accept) -> Entered:
        """Accept a direct room, or an invitation."""
        if not await self._store.consent.accept_direct(frame.room, state.user):
            return await self._join(state, frame)
        entered = Entered(room=await self._hub.enter(state, frame.room))
        self._bus.publish(ConsentChanged(state.user, frame.room))
        return entered

    async def _decline(self, state: PeerState, frame: Decline) -> None:
        if not await self._store.consent.decline(frame.room, state.user):
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such invitation")
        self._bus.publish(ConsentChanged(state.user, frame.room))

    async def _block(self, state: PeerState, frame: Block) -> None:
        for room in await self._store.consent.block(state.user, frame.user, on=frame.on):
            self._bus.publish(ConsentChanged(state.user, room))

    async def _join(self, state: PeerState, frame: Join | Accept) -> Entered:
        state.expects = frame.room
        try:
            await self._commands.commit(
                state.info.grant, frame.id, frame.room, Joined(statement=frame.statement)
            )
            return Entered(room=await self._hub.enter(state, frame.room))
        finally:
            self._stop_expecting(state, frame.room)

    def _stop_expecting(self, state: PeerState, room: RoomId) -> None:
        """Let the hub deliver the room from here on, even if this request failed half-way."""
        state.expects = None
        if room not in state.rooms and not state.closed:
            state.entered.add(room)
            self._hub.enter_late(state)

    def _check_listens(self, state: PeerState, room: RoomId) -> None:
        """Refuse a stranger before the store is asked anything."""
        if room not in state.rooms:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")

    async def _membership(self, state: PeerState, room: RoomId) -> Membership:
        member = await self._store.rooms.membership(room, state.user)
        if member is None:
            raise RefusedError(ErrorCode.NOT_FOUND, "there is no such room, or you are not in it")
        return member
