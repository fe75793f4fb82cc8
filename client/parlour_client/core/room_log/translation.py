"""Translates the log numbers in frames between the server's and ours; nothing else knows that they differ.

A room that was never rolled back costs one dict lookup. A page never crosses a fork, so its numbers increase
by one on both sides. Requests about an event that the server has lost are refused. Pure functions:
``ChatConversation`` calls them for requests and answers, the engine for what the server pushes, encryption
for what it gets over HTTPS.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Final, TypeVar, assert_never, get_args, get_type_hints

from msgspec import Struct
from msgspec.structs import replace

from parlour_client.core.room_log.numbering import PLAIN, Numbering
from parlour_client.kit.errors import SetupError, UnreachableError
from parlour_client.kit.language import N_, _
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import AnyRequest, AnyResult, Hello, LogEvent, RoomSummary
from parlour_protocol.frames.replies import (
    AnyPush,
    Bans,
    Blocked,
    Directory,
    Entered,
    GroupChanged,
    InvitationReceived,
    Invitations,
    InvitationWithdrawn,
    KeyLogAppended,
    KeyPackagesLow,
    Members,
    Page,
    Pins,
    ReadBy,
    ReadMarked,
    RoomClosed,
    RoomEntered,
    StatusUpdate,
    Stored,
    TypingUpdate,
)
from parlour_protocol.frames.requests import History, MarkRead, RoomRequest
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.id_fields import SeqField
from parlour_protocol.kit.ids import Incarnation, Seq
from parlour_protocol.kit.server_notices import ServerNotice

OTHER_LOGS: Final = N_("The server answered from other logs than it greeted with.")


class LostError(SetupError):
    """The request is about a message that the server no longer has."""

    def __init__(self) -> None:
        super().__init__(
            _("The server no longer has this message: it exists only on this device."),
            _("Its history was restored or rolled back. You can copy the text and send it again."),
        )


class Numbers:
    """The numberings of all rooms. A room without one was never rolled back."""

    def __init__(self) -> None:
        self._rooms: dict[RoomId, Numbering] = {}
        self.incarnation: Incarnation | None = None
        """Of the logs that the server greeted with last: to others these numbers mean nothing."""

    def check(self, named: Incarnation) -> None:
        """Refuse an HTTPS answer from other logs than the greeting's. Raises UnreachableError."""
        if self.incarnation is not None and named != self.incarnation:
            raise UnreachableError(OTHER_LOGS, _("Parlour tries again with the next connection."))

    def of(self, room: RoomId) -> Numbering:
        """Return a room's numbering."""
        return self._rooms.get(room, PLAIN)

    def know(self, numberings: Mapping[RoomId, Numbering]) -> None:
        """Set numberings, from the archive or from a comparison just made."""
        self._rooms.update(
            {room: numbering for room, numbering in numberings.items() if not numbering.is_plain}
        )

    # from the server
    def hello(self, hello: Hello) -> Hello:
        """Return the greeting in our numbers."""
        return replace(hello, rooms=tuple(map(self.summary, hello.rooms))) if self._rooms else hello

    def summary(self, summary: RoomSummary) -> RoomSummary:
        """Return a room's summary in our numbers."""
        numbers = self._rooms.get(summary.room)
        if numbers is None:
            return summary
        return replace(summary, head=numbers.head(summary.head), read=numbers.to_local(summary.read))

    def push(self, push: AnyPush) -> AnyPush:
        """Return a pushed frame in our numbers."""
        match push:
            case LogEvent():
                return self.event(push)
            case RoomEntered(room=summary):
                return replace(push, room=self.summary(summary))
            case ReadMarked() | ReadBy():
                return replace(push, seq=self.of(push.room).to_local(push.seq))
            case (
                RoomClosed() | InvitationReceived() | InvitationWithdrawn() | TypingUpdate() | StatusUpdate()
            ):
                return push
            case GroupChanged() | KeyPackagesLow() | KeyLogAppended() | ServerNotice():
                return push
            case _:
                assert_never(push)

    def result(self, result: AnyResult | None) -> AnyResult | None:
        """Return the result of a request in our numbers."""
        match result:
            case Stored():
                numbers = self._rooms.get(result.room)
                return result if numbers is None else replace(result, seq=numbers.to_local(result.seq))
            case Entered(room=summary):
                return replace(result, room=self.summary(summary))
            case Page():
                return self._page(result)
            case Pins():
                return replace(result, targets=tuple(map(self.of(result.room).to_local, result.targets)))
            case Members() | Bans() | Directory() | Invitations() | Blocked() | None:
                return result
            case _:
                assert_never(result)

    def event(self, event: LogEvent) -> LogEvent:
        """Return an event in our numbers."""
        numbers = self._rooms.get(event.room)
        return event if numbers is None else event_here(event, numbers)

    def welcome(self, waiting: WaitingWelcome) -> WaitingWelcome:
        """Return a Welcome with the local number of its event."""
        return replace(waiting, seq=self.of(waiting.room).to_local(waiting.seq))

    def _page(self, page: Page) -> Page:
        """Drop what lies below the last fork: the newest page is requested without a number."""
        numbers = self._rooms.get(page.room)
        if numbers is None or not page.events:
            return page
        page = replace(page, kept_from=numbers.to_local(page.kept_from))
        start = numbers.piece_start(page.events[-1].seq)
        kept = tuple(self.event(event) for event in page.events if event.seq >= start)
        return replace(page, events=kept, more=page.more or len(kept) < len(page.events))

    # to the server
    def request(self, frame: AnyRequest) -> AnyRequest:
        """Return a request in the server's numbers. Raises LostError."""
        if not isinstance(frame, RoomRequest) or (numbers := self._rooms.get(frame.room)) is None:
            return frame
        match frame:
            case MarkRead():  # these two name a place in the log, which may lie beside an event
                return replace(frame, seq=numbers.floor(frame.seq))
            case History():
                return _history(frame, numbers)
            case _:
                return _renumbered(frame, partial(_there, numbers))

    def require_there(self, room: RoomId, *targets: Seq | None) -> None:
        """Refuse a request about a message that the server no longer has. Raises LostError."""
        for target in targets:
            if target is not None:
                _there(self.of(room), target)


def event_here(event: LogEvent, numbers: Numbering) -> LogEvent:
    """Return an event of the server in our numbers."""
    return replace(event, seq=numbers.to_local(event.seq), body=_renumbered(event.body, numbers.to_local))


def event_there(event: LogEvent, numbers: Numbering) -> LogEvent | None:
    """Return an event in the server's numbers; None if it is lost, or about a lost one."""
    try:
        there = partial(_there, numbers)
        return replace(event, seq=there(event.seq), body=_renumbered(event.body, there))
    except LostError:
        return None


def _there(numbers: Numbering, target: Seq) -> Seq:
    found = numbers.to_server(target)
    if found is None:
        raise LostError
    return found


def _history(frame: History, numbers: Numbering) -> History:
    """Ask for a range that ends at the next fork."""
    if frame.after is not None:
        after = numbers.floor(frame.after)
        end = numbers.piece_end(Seq(after + 1))
        return replace(
            frame, after=after, limit=frame.limit if end is None else min(frame.limit, end - after)
        )
    if frame.before is not None:
        before = numbers.ceiling(frame.before)
        if before == 1:
            return replace(frame, before=before)
        start = numbers.piece_start(Seq(before - 1))
        return replace(frame, before=before, limit=min(frame.limit, before - start))
    return frame


_S = TypeVar("_S", bound=Struct)


def _renumbered(part: _S, number: Callable[[Seq], Seq]) -> _S:
    """Return a request or a body with each event that it names renumbered."""
    named = {name: getattr(part, name) for name in _numbers_in(type(part))}
    changes = {name: number(seq) for name, seq in named.items() if seq is not None}
    return replace(part, **changes) if changes else part


@cache
def _numbers_in(kind: type[Struct]) -> tuple[str, ...]:
    """Return the fields with the number of an event: those of this type, so that none is forgotten."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(name for name in kind.__struct_fields__ if SeqField in (hints[name], *get_args(hints[name])))
