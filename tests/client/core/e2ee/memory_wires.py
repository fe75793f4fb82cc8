"""WebSockets of the server in memory: the client's end, and how requests of the chat are answered."""

import asyncio

from tests.client.core.e2ee.memory_server import Line, RefusedError, Room

from parlour_client.kit.transport.frame_socket import SocketClosedError
from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames import (
    AnyBody,
    AnyRequest,
    Error,
    LogEvent,
    Ok,
    decode_request,
    encode,
)
from parlour_protocol.frames import bodies as b
from parlour_protocol.frames import requests as q
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.replies import (
    AnyResult,
    Entered,
    Invitation,
    InvitationReceived,
    Invitations,
    InvitationWithdrawn,
    Member,
    Members,
    Page,
    RoomClosed,
    RoomEntered,
    Stored,
)
from parlour_protocol.ids import (
    RoomId,
)
from parlour_protocol.kit.connection_state import ConnectionState as Table
from parlour_protocol.kit.connection_state import Side
from parlour_protocol.kit.frames import Frame
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import digest_of, read_again
from parlour_protocol.room_name import RoomName
from parlour_protocol.rooms import Role, RoomKind, RoomSuite, Status


class MemoryWire:
    """The client's end of a WebSocket."""

    security = "a wire in memory"

    def __init__(self, line: Line) -> None:
        self.line, self.server = line, line.server
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._protocol = Table(Side.SERVER)
        self.open = True

    async def receive(self) -> bytes:
        data = await self._inbox.get()
        if data is None:
            raise SocketClosedError(None)
        return data

    async def send(self, data: bytes) -> None:
        if not self.open:
            raise SocketClosedError(None)
        frame = decode_request(data)
        self._protocol.received(frame)
        try:
            result, told = self._answer(frame)
        except RefusedError as refused:
            self.say(Error(code=refused.code, re=frame.id))
            return
        self.say(Ok(re=frame.id, result=result))
        if told is not None:
            self.server.tell(self.server.rooms[told.room], told)

    async def close(self) -> None:
        self.drop()

    def say(self, frame: Frame) -> None:
        told = self.server.spoken(self.line.user, frame)
        if self.open and told is not None:
            self._protocol.sent(told)
            self._inbox.put_nowait(encode(told))

    def drop(self) -> None:
        if self.open:
            self.open = False
            self._inbox.put_nowait(None)
        self.server.wires = [wire for wire in self.server.wires if wire is not self]

    def _mine(self, room: RoomId) -> Room:
        found = self.server.rooms.get(room)
        if found is None or self.line.user not in found.members:
            raise RefusedError(ErrorCode.NOT_FOUND)
        return found

    def _answer(  # noqa: C901, PLR0911, PLR0912, PLR0915 - one case for each request
        self, frame: AnyRequest
    ) -> tuple[AnyResult | None, LogEvent | None]:
        server, user = self.server, self.line.user
        match frame:
            case q.CreateRoom():
                owner = {user: Role.OWNER}
                made = self._made(frame.kind, owner, frame.name, encrypted=frame.encrypted, suite=frame.suite)
                return made, None
            case q.OpenDirect(user=peer):
                for room in server.rooms.values():
                    if room.kind is RoomKind.DIRECT and set(room.members) == {user, peer}:
                        return Entered(room=server.summary(room, user)), None
                both = dict.fromkeys((user, peer), Role.MEMBER)
                made = self._made(RoomKind.DIRECT, both, None, encrypted=frame.encrypted, suite=frame.suite)
                return made, None
            case q.SendEncrypted():
                room = self._mine(frame.room)
                logged = server.seal(room, self.line, frame)
                told = room.log[logged.seq - 1] if logged.seq == room.head else None
                return Stored(
                    room=room.id, seq=logged.seq, at=logged.at, incarnation=server.incarnation
                ), told
            case q.Send():
                room = self._mine(frame.room)
                if room.encrypted:
                    raise RefusedError(ErrorCode.ENCRYPTED)
                event = server.write(
                    room,
                    user,
                    b.Message(text=frame.text, reply_to=frame.reply_to, file=frame.file),
                    tell=False,
                )
                return Stored(room=room.id, seq=event.seq, at=event.at, incarnation=server.incarnation), event
            case q.Pin(target=target, on=on):
                room = self._mine(frame.room)
                if room.encrypted and on:
                    raise RefusedError(ErrorCode.ENCRYPTED)
                event = server.write(room, user, b.Pinned(target=target, on=on), tell=False)
                return Stored(room=room.id, seq=event.seq, at=event.at, incarnation=server.incarnation), event
            case q.Invite(user=who, statement=statement):
                room = self._mine(frame.room)
                if who in room.members and statement is None:
                    raise RefusedError(ErrorCode.ALREADY)
                return self._invited(room, who, statement)
            case q.Uninvite(user=who, statement=statement):
                room = self._mine(frame.room)
                server.invitations.pop((room.id, who), None)
                for wire in server.wires:
                    if wire.line.user == who:
                        wire.say(InvitationWithdrawn(room=room.id, statement=statement))
                body = b.Uninvited(who=who, statement=statement)
                came = [one.body for one in room.log if isinstance(one.body, b.Joined) and one.author == who]
                admission = came[-1].statement if came else None
                withdrawn = None if statement is None else read_again(statement).withdraws
                if (
                    admission is not None
                    and withdrawn is not None
                    and digest_of(admission) == withdrawn.digest
                ):
                    return self._gone(room, who, body)  # they came by it
                return self._member_event(room, body)
            case q.Accept(statement=statement):
                invitation = server.invitations.pop((frame.room, user), None)
                if invitation is None:
                    raise RefusedError(ErrorCode.NOT_FOUND)
                return self._came(server.rooms[frame.room], user, invitation.statement, statement)
            case q.ListInvitations():
                mine = [one for (_, who), one in server.invitations.items() if who == user]
                return Invitations(invitations=tuple(mine), more=False), None
            case q.Join(statement=statement):
                return self._came(server.rooms[frame.room], user, statement)
            case q.Unban(user=who, statement=statement):
                room = self._mine(frame.room)
                return self._member_event(room, b.Unbanned(who=who, statement=statement))
            case q.Ban(user=who, statement=statement):
                room = self._mine(frame.room)
                return self._gone(room, who, b.Banned(who=who, statement=statement))
            case q.SetRole(user=who, role=role, statement=statement):
                room = self._mine(frame.room)
                room.members[who] = role
                return self._member_event(room, b.RoleSet(who=who, role=role, statement=statement))
            case q.Kick(user=who, statement=statement):
                return self._gone(self._mine(frame.room), who, b.Kicked(who=who, statement=statement))
            case q.Leave(statement=statement):
                return self._gone(self._mine(frame.room), user, b.Left(statement=statement))
            case q.Encrypt():
                room = self._mine(frame.room)
                room.encrypted = True
                return self._member_event(room, b.EncryptionOn())
            case q.ListMembers():
                members = [
                    Member(user=u, role=r, status=Status.ONLINE)
                    for u, r in self._mine(frame.room).members.items()
                ]
                return Members(room=frame.room, members=tuple(members), more=False), None
            case q.History():
                return self._page(frame), None
            case q.MarkRead():
                server.marked.append(frame)
                return None, None
            case _:
                return None, None

    def _made(
        self,
        kind: RoomKind,
        members: dict[UserName, Role],
        name: RoomName | None,
        *,
        encrypted: bool,
        suite: RoomSuite = RoomSuite.X25519,
    ) -> Entered:
        server = self.server
        room = Room(RoomId(server.number("room")), kind, name, encrypted, members, suite)
        server.rooms[room.id] = room
        created = b.Created(room_kind=kind, name=name, encrypted=encrypted, suite=suite)
        server.write(room, self.line.user, created, tell=False)
        for wire in list(server.wires):
            if wire.line.user in members and wire is not self:
                wire.say(RoomEntered(room=server.summary(room, wire.line.user)))
        return Entered(room=server.summary(room, self.line.user))

    def _invited(self, room: Room, who: UserName, statement: StatementBytes | None) -> tuple[AnyResult, None]:
        assert room.name is not None
        now = self.server.clock.now()
        self.server.invitations[room.id, who] = invitation = Invitation(
            room=room.id, kind=room.kind, name=room.name, inviter=self.line.user, at=now,
            expires=Millis(now + 30 * 86_400_000), encrypted=room.encrypted, statement=statement,
        )  # fmt: skip
        for wire in list(self.server.wires):
            if wire.line.user == who:
                wire.say(InvitationReceived(invitation=invitation))
        event = self.server.write(room, self.line.user, b.Invited(who=who, statement=statement))
        return Stored(room=room.id, seq=event.seq, at=event.at, incarnation=self.server.incarnation), None

    def _came(
        self,
        room: Room,
        who: UserName,
        statement: StatementBytes | None,
        acceptance: StatementBytes | None = None,
    ) -> tuple[AnyResult, None]:
        room.members.setdefault(who, Role.MEMBER)
        entered = self.server.summary(room, who)
        for wire in list(self.server.wires):
            if wire.line.user == who and wire is not self:
                wire.say(RoomEntered(room=entered))
        self.server.write(room, who, b.Joined(statement=statement, acceptance=acceptance))
        self.server.group_changed(room)
        return Entered(room=self.server.summary(room, who)), None

    def _member_event(self, room: Room, body: AnyBody) -> tuple[AnyResult, None]:
        event = self.server.write(room, self.line.user, body)
        self.server.group_changed(room)
        return Stored(room=room.id, seq=event.seq, at=event.at, incarnation=self.server.incarnation), None

    def _gone(self, room: Room, who: UserName, body: AnyBody) -> tuple[AnyResult, None]:
        room.members.pop(who, None)
        for wire in list(self.server.wires):
            if wire.line.user == who:
                wire.say(RoomClosed(room=room.id))
        return self._member_event(room, body)

    def _page(self, ask: q.History) -> Page:
        log = self._mine(ask.room).log
        if ask.after is not None:
            return Page(
                room=ask.room,
                events=tuple(log[ask.after : ask.after + ask.limit]),
                more=False,
                incarnation=self.server.incarnation,
            )
        end = (ask.before - 1) if ask.before is not None else len(log)
        return Page(
            room=ask.room,
            events=tuple(log[max(0, end - ask.limit) : end]),
            more=False,
            incarnation=self.server.incarnation,
        )
