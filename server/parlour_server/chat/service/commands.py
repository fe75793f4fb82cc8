"""Commands: requests that append an event to a room's log, answered when it is on disk.

A message needs no task: it is answered when the store's future is done. The server sets author, device and
time, never the client (S5: spoofed sender). Requests call ``append``; joining a room and the HTTPS API's
commits, which need the stored event, call ``commit``.
"""

import asyncio
from asyncio import Future
from dataclasses import dataclass
from typing import Final, assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Archived,
    Banned,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    Invited,
    Kicked,
    Left,
    Message,
    Muted,
    Pinned,
    Reacted,
    Renamed,
    RoleSet,
    RoomDeleted,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
    subject_of,
)
from parlour_protocol.frames.replies import LogEvent, Stored
from parlour_protocol.frames.requests import (
    Archive,
    Ban,
    CommandRequest,
    Delete,
    DeleteRoom,
    Edit,
    Encrypt,
    Invite,
    Kick,
    Leave,
    Mute,
    Pin,
    React,
    Rename,
    RoomRequest,
    Send,
    SendEncrypted,
    SetRole,
    SetTopic,
    Unban,
    Uninvite,
    Unmute,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Millis, RequestId
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.chat.audit import ChatAuditEvent
from parlour_server.chat.consent.statement_rules import check_statement
from parlour_server.chat.rooms.rights import decide_within
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.settings import MessageSettings
from parlour_server.chat.store.types import AppendedEvent, AppendEvent, Attached, RoomFacts
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.program import Pending
from parlour_server.core.store.records import SessionRecord, TicketGrant


def body_of(frame: CommandRequest, now: Millis) -> AnyBody:  # noqa: C901, PLR0911, PLR0912 - one case each
    """Return the event body of the request."""
    match frame:
        case Send():
            return Message(text=frame.text, reply_to=frame.reply_to, file=frame.file)
        case SendEncrypted():
            return EncryptedMessage(
                group=frame.group, epoch=frame.epoch, data=frame.data, blanks=frame.blanks
            )
        case Edit():
            return Edited(target=frame.target, text=frame.text)
        case Delete():
            return Deleted(target=frame.target)
        case React():
            return Reacted(target=frame.target, reaction=frame.reaction, on=frame.on)
        case Pin():
            return Pinned(target=frame.target, on=frame.on)
        case Encrypt():
            return EncryptionOn()
        case Leave():
            return Left(statement=frame.statement)
        case Invite():
            return Invited(who=frame.user, statement=frame.statement)
        case Uninvite():
            return Uninvited(who=frame.user, statement=frame.statement)
        case SetTopic():
            return TopicSet(topic=frame.topic)
        case Rename():
            return Renamed(name=frame.name)
        case Archive():
            return Archived(on=frame.on)
        case DeleteRoom():
            return RoomDeleted()
        case SetRole():
            return RoleSet(who=frame.user, role=frame.role, statement=frame.statement)
        case Kick():
            return Kicked(who=frame.user, reason=frame.reason, statement=frame.statement)
        case Ban():
            until = _end(now, frame.seconds)
            return Banned(who=frame.user, until=until, reason=frame.reason, statement=frame.statement)
        case Unban():
            return Unbanned(who=frame.user, statement=frame.statement)
        case Mute():
            return Muted(who=frame.user, until=_end(now, frame.seconds))
        case Unmute():
            return Unmuted(who=frame.user)
        case _:
            assert_never(frame)


def _end(now: Millis, seconds: int | None) -> Millis | None:
    return None if seconds is None else Millis(now + seconds * 1000)


AUTHORIZATION: Final = frozenset(
    {ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.BANNED, ErrorCode.MUTED}
)
"""Refusals that an operator may want to see (M7)."""


Author = TicketGrant | SessionRecord
"""The author: the session of a socket, or of an HTTPS request."""


@dataclass(slots=True)
class MessageCounts:
    """Messages that were stored since the start."""

    open: int = 0
    encrypted: int = 0


class Commands:
    """Appends events to the log."""

    def __init__(
        self,
        *,
        server: str,
        log: StoredLog[AppendEvent, LogEvent, RoomFacts],
        clock: Clock,
        audit: Audit,
        incarnation: Incarnation,
        messages: MessageSettings,
    ) -> None:
        """``server`` is the name in signed statements, ``incarnation`` that of the logs."""
        self.limit(messages)
        self._server = server
        self.incarnation = incarnation
        self._log = log
        self._clock = clock
        self._audit = audit
        self.messages: Final = MessageCounts()

    def limit(self, messages: MessageSettings) -> None:
        """Let no room hold more from now on."""
        self._decide = decide_within(messages.room_bytes)

    def append(self, peer: ChatPeer, frame: CommandRequest) -> Pending[AppendedEvent]:
        """Append the request's event; the answer is sent when it is on disk. Raises RefusedError."""
        now = self._clock.now()
        future = self._start(peer.grant, frame.id, frame.room, body_of(frame, now), now)
        return Pending(future, self._stored)

    def append_body(self, peer: ChatPeer, frame: RoomRequest, body: AnyBody) -> Pending[AppendedEvent]:
        """Append an event for the request of a capability; the same otherwise. Raises RefusedError."""
        future = self._start(peer.grant, frame.id, frame.room, body, self._clock.now())
        return Pending(future, self._stored)

    async def append_now(self, peer: ChatPeer, frame: CommandRequest) -> Stored:
        """Append the request's event and return the answer. Raises as ``commit``."""
        body = body_of(frame, self._clock.now())
        return self._stored(await self.commit(peer.grant, frame.id, frame.room, body))

    async def commit(
        self,
        author: Author,
        request: RequestId,
        room: RoomId,
        body: AnyBody,
        attached: Attached | None = None,
    ) -> AppendedEvent:
        """Append one event; returns when it is told. Raises RefusedError or UnavailableError."""
        return await asyncio.shield(self._start(author, request, room, body, self._clock.now(), attached))

    def _start(
        self,
        author: Author,
        request: RequestId,
        room: RoomId,
        body: AnyBody,
        now: Millis,
        attached: Attached | None = None,
    ) -> "Future[AppendedEvent]":
        event = AppendEvent(
            room=room,
            author=author.user,
            device=author.device,
            request=request,
            at=now,
            body=body,
            session=author.session if isinstance(author, TicketGrant) else author.id,
            sender=author.device_id,
            attached=attached,
        )
        check_statement(event, self._server)
        return self._log.append(event, self._decide)

    def _stored(self, appended: AppendedEvent) -> Stored:
        event = appended.entry
        return Stored(room=event.room, seq=event.seq, at=event.at, incarnation=self.incarnation)

    def record(self, appended: AppendedEvent) -> None:
        """Count a message, and write what moderation did to the audit log."""
        event = appended.entry
        body = event.body
        if type(body) is Message:
            self.messages.open += 1
        elif type(body) is EncryptedMessage:
            self.messages.encrypted += 1
        if body.rules.audited:
            self._audit.record(
                ChatAuditEvent.MODERATION,
                what=type(body).__name__.lower(),
                room=event.room,
                seq=event.seq,
                user=event.author,
                subject=subject_of(body),
            )
