"""Commands: requests that append an event to a room's log, answered when it is on disk.

A message needs no task: the callback of the store's future answers. The server sets author, device and time,
never the client (S5: spoofed sender). The dispatcher calls ``append``; joining a room and the HTTPS API's
commits, which need the stored event, call ``commit``.
"""

from asyncio import CancelledError, Future
from collections.abc import Callable
from typing import Final, assert_never

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
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
    RoleSet,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
)
from parlour_protocol.frames.replies import Ok, Stored
from parlour_protocol.frames.requests import (
    AnyRequest,
    Ban,
    Delete,
    Edit,
    Encrypt,
    Invite,
    Kick,
    Leave,
    Mute,
    Pin,
    React,
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
from parlour_server.chat.notices import EventCommitted
from parlour_server.chat_audit import ChatAuditEvent
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.clock import Clock
from parlour_server.kit.connections.error_boundary import ErrorBoundary
from parlour_server.kit.connections.error_frames import refusal, unavailable
from parlour_server.kit.connections.peer_state import PeerState
from parlour_server.kit.errors import ParlourServerError, RefusedError
from parlour_server.kit.store.records import SessionRecord, TicketGrant
from parlour_server.rooms.rights import decide
from parlour_server.rooms.statement_rules import check_statement
from parlour_server.store.interface import Log
from parlour_server.store.types import Appended, AppendEvent, Attached

LastingRequest = (
    Send
    | SendEncrypted
    | Edit
    | Delete
    | React
    | Pin
    | Encrypt
    | Leave
    | Invite
    | Uninvite
    | SetTopic
    | SetRole
    | Kick
    | Ban
    | Unban
    | Mute
    | Unmute
)


def body_of(frame: LastingRequest, now: Millis) -> AnyBody:  # noqa: C901, PLR0911, PLR0912 - one case each
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
            return Uninvited(who=frame.user)
        case SetTopic():
            return TopicSet(topic=frame.topic)
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


_MODERATION: Final = (RoleSet, Kicked, Banned, Unbanned, Muted, Unmuted)
AUTHORIZATION: Final = frozenset(
    {ErrorCode.FORBIDDEN, ErrorCode.NOT_FOUND, ErrorCode.BANNED, ErrorCode.MUTED}
)
"""Refusals that an operator may want to see (M7)."""


Author = TicketGrant | SessionRecord
"""The author: the session of a socket, or of an HTTPS request."""


class Commands:
    """Appends events to the store and publishes those that are on disk."""

    def __init__(
        self, *, server: str, log: Log, bus: Bus, clock: Clock, audit: Audit, incarnation: Incarnation
    ) -> None:
        """``server`` is the name in signed statements, ``incarnation`` that of the logs."""
        self._server = server
        self.incarnation = incarnation
        self._log = log
        self._bus = bus
        self._clock = clock
        self._audit = audit

    def append(self, state: PeerState, frame: LastingRequest) -> None:
        """Append the request's event; the answer is sent when it is on disk."""
        now = self._clock.now()
        try:
            future = self._start(state.info.grant, frame.id, frame.room, body_of(frame, now), now)
        except RefusedError as error:
            self.refused(state, frame, error)
            return
        future.add_done_callback(self._answer_with(state, frame))

    async def commit(
        self,
        author: Author,
        request: RequestId,
        room: RoomId,
        body: AnyBody,
        attached: Attached | None = None,
    ) -> Appended:
        """Append one event, publish it, and return when it is on disk.

        Raises RefusedError or UnavailableError.
        """
        future = self._start(author, request, room, body, self._clock.now(), attached)
        # as a callback, so that it is published before the events the store finishes after it
        future.add_done_callback(self._publish_quietly)
        return await future

    def refused(self, state: PeerState, frame: AnyRequest, error: ParlourServerError) -> None:
        """Answer a refused request, and record missing permissions in the audit log."""
        state.answer(refusal(frame.id, error))
        if isinstance(error, RefusedError) and error.code in AUTHORIZATION:
            self._audit.record(
                AuditEvent.REQUEST_REFUSED,
                code=error.code.value,
                request=type(frame).__name__.lower(),
                room=frame.room if isinstance(frame, RoomRequest) else None,
                user=state.user,
                connection=state.info.id,
                address=state.info.address,
            )

    def _start(
        self,
        author: Author,
        request: RequestId,
        room: RoomId,
        body: AnyBody,
        now: Millis,
        attached: Attached | None = None,
    ) -> "Future[Appended]":
        event = AppendEvent(
            room=room,
            author=author.user,
            device=author.device,
            request=request,
            at=now,
            body=body,
            sender=author.device_id,
            attached=attached,
        )
        check_statement(event, self._server)
        return self._log.append(event, decide)

    def _answer_with(self, state: PeerState, frame: LastingRequest) -> Callable[["Future[Appended]"], None]:
        def done(future: "Future[Appended]") -> None:
            with ErrorBoundary("an append", lambda: state.answer(unavailable(frame.id))):
                self._finish(state, frame, future)

        return done

    def _finish(self, state: PeerState, frame: LastingRequest, future: "Future[Appended]") -> None:
        try:
            appended = future.result()
        except ParlourServerError as error:
            self.refused(state, frame, error)
            return
        except CancelledError:
            state.answer(unavailable(frame.id))
            return
        event = appended.event
        stored = Stored(room=event.room, seq=event.seq, at=event.at, incarnation=self.incarnation)
        state.answer(Ok(re=frame.id, result=stored))
        self._publish(appended)

    def _publish_quietly(self, future: "Future[Appended]") -> None:
        if not future.cancelled() and future.exception() is None:
            with ErrorBoundary("publishing an event"):
                self._publish(future.result())

    def _publish(self, appended: Appended) -> None:
        if appended.replay:
            return  # M6: it was published when it was stored
        for event in (appended.event, *appended.also):
            self._bus.publish(EventCommitted(event))
        body = appended.event.body
        if isinstance(body, _MODERATION):
            self._audit.record(
                ChatAuditEvent.MODERATION,
                what=type(body).__name__.lower(),
                room=appended.event.room,
                seq=appended.event.seq,
                user=appended.event.author,
                subject=body.who,
            )
