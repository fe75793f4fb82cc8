"""The state of the client's rooms: the server's summaries, updated by each event of their logs.

One function per kind of event; an event at or below a room's head is old and changes nothing here. It does no
I/O and emits nothing. ``Publisher`` applies events, the client reads ``rooms``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from msgspec.structs import replace

from parlour_client.core.archive.saved_preferences import SavedPreferences
from parlour_client.core.model import Room
from parlour_client.core.room_log.expiry import in_force, lengthened
from parlour_client.core.room_log.missing import ends_early_text
from parlour_client.core.room_names import marks
from parlour_client.kit.clock import Clock
from parlour_protocol.frames import AnyBody, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import (
    Added,
    Archived,
    Banned,
    Blank,
    Contested,
    Created,
    Deleted,
    Edited,
    EncryptedMessage,
    EncryptionOn,
    GroupCreated,
    Handshake,
    Invited,
    Joined,
    Kicked,
    Left,
    MembershipChange,
    Message,
    Muted,
    Pinned,
    Reacted,
    Renamed,
    RetentionSet,
    RoleSet,
    RoomDeleted,
    TopicSet,
    Unbanned,
    Uninvited,
    Unmuted,
    Unreadable,
)
from parlour_protocol.frames.replies import Retention
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.unions import total

_NONE: Final = SavedPreferences(frozenset(), frozenset(), frozenset(), frozenset(), {}, {})


@dataclass(slots=True)
class KnownRoom:
    """One room: its summary and its counts."""

    summary: RoomSummary
    unread: int = 0
    mentions: int = 0
    activity: Millis = Millis(0)  # noqa: RUF009 - a NewType
    withheld: Seq = Seq(0)  # noqa: RUF009 - a NewType
    """The last event that the server claims; above the head it withholds them."""
    written: bool = False
    """A message of it is known; only said of the direct room with oneself."""
    _seen: tuple[tuple[object, ...], Room] | None = None
    """The room as views saw it last, and what it was made of."""

    def room(self, preferences: SavedPreferences, mark: str, now: Millis) -> Room:
        """Return the room as views see it: the same object as long as nothing of it changes."""
        summary = self.summary
        retention = summary.retention and in_force(summary.retention, now)
        favourite, muted = summary.room in preferences.favourites, summary.room in preferences.muted
        number = preferences.numbers.get(summary.room)
        activity = max(self.activity, preferences.activity.get(summary.room, Millis(0)))
        counts = self.unread, self.mentions, self.withheld
        facts = summary, retention, favourite, muted, number, activity, counts, mark
        if self._seen is not None and self._seen[0] == facts:
            return self._seen[1]
        room = Room(
            id=summary.room,
            kind=summary.kind,
            role=summary.role,
            head=summary.head,
            read=summary.read,
            unread=self.unread,
            mentions=self.mentions,
            members=summary.members,
            name=summary.name,
            peer=summary.peer,
            topic=summary.topic,
            encrypted=summary.encrypted,
            favourite=favourite,
            muted=muted,
            number=number,
            activity=activity,
            mark=mark,
            request=summary.request,
            retention=retention,
            archived=summary.archived,
            trouble=ends_early_text(summary.head, self.withheld) if self.withheld > summary.head else "",
        )
        self._seen = facts, room
        return room


class Effect(Enum):
    """What an event changed of its room."""

    NOTHING = auto()
    """It is old."""
    COUNTS = auto()
    """Only its newest event, its activity and its counts."""
    ROOM = auto()


class State:
    """The rooms of one account."""

    def __init__(self, me: UserName, clock: Clock) -> None:
        self.me = me
        self._clock = clock
        self.preferences = _NONE
        """The person's preferences; ``RoomStore`` reads them from the archive."""
        self._known: dict[RoomId, KnownRoom] = {}
        self._marks: Mapping[RoomId, str] | None = None
        self._mention = re.compile(rf"(?<![\w.@-])@{re.escape(me)}(?![\w-]|\.\w)", re.IGNORECASE)

    @property
    def rooms(self) -> Sequence[Room]:
        """All rooms, by title."""
        return sorted(map(self._room, self._known.values()), key=lambda room: room.title)

    @property
    def listed(self) -> Sequence[Room]:
        """The rooms to list: not the one that this account's devices send each other history in.

        It is the direct room with oneself, which is listed once a note was written there.
        """
        return [room for room in self.rooms if self._is_listed(self._known[room.id])]

    def _is_listed(self, known: KnownRoom) -> bool:
        return known.summary.peer != self.me or known.written

    def note_written(self, room: RoomId) -> None:
        """Note that a room has a message."""
        if known := self._known.get(room):
            known.written = True

    def room(self, room: RoomId) -> Room | None:
        """Return a room; None when the account is not in it."""
        known = self._known.get(room)
        return self._room(known) if known else None

    def _room(self, known: KnownRoom) -> Room:
        if self._marks is None:
            self._marks = marks(known.summary for known in self._known.values())
        return known.room(self.preferences, self._marks.get(known.summary.room, ""), self._clock.now())

    @property
    def summaries(self) -> Sequence[RoomSummary]:
        """The part that the archive stores of all rooms."""
        return [known.summary for known in self._known.values()]

    def summary(self, room: RoomId) -> RoomSummary | None:
        """Return what the archive stores of a room."""
        known = self._known.get(room)
        return known.summary if known else None

    def update(self, summary: RoomSummary) -> None:
        """Take a room as the server sends it; counts stay until they are recounted."""
        known = self._known.get(summary.room)
        if known is None:
            self._known[summary.room] = KnownRoom(summary)
            self._marks = None
        else:
            known.summary, known.withheld = summary, Seq(0)

    def withhold(self, room: RoomId, shown: Seq, claimed: Seq) -> None:
        """Let a room end at the last event that the server shows, whatever it claims."""
        if known := self._known.get(room):
            known.summary, known.withheld = replace(known.summary, head=shown), claimed

    def keep_only(self, rooms: Sequence[RoomId]) -> None:
        """Forget every other room."""
        self._known = {room: known for room, known in self._known.items() if room in set(rooms)}
        self._marks = None

    def forget(self, room: RoomId) -> None:
        """Forget a room that the account left."""
        self._known.pop(room, None)
        self._marks = None

    def count(self, room: RoomId, unread: int, mentions: int) -> None:
        """Take counts from the archive."""
        if known := self._known.get(room):
            known.unread, known.mentions = unread, mentions

    def read(self, room: RoomId, seq: Seq) -> None:
        """Move the read marker; the caller recounts."""
        if known := self._known.get(room):
            known.summary = replace(known.summary, read=seq)

    def names_me(self, body: AnyBody) -> bool:
        """Say whether a message mentions this account: `@alice`, as a word of its own."""
        return isinstance(body, Message) and self._mention.search(body.text) is not None

    def apply(self, event: LogEvent, *, mention: bool) -> Effect:
        """Apply a room's next event."""
        known = self._known.get(event.room)
        if known is None or event.seq <= known.summary.head:
            return Effect.NOTHING
        before = self._facts(known)
        changed = _CHANGES[type(event.body)](known.summary, event, self.me)
        known.summary = replace(changed, head=event.seq)
        if isinstance(event.body, Renamed):
            self._marks = None  # other rooms may have had, or have now, the same name
        known.activity = max(known.activity, event.at)
        known.written = known.written or isinstance(event.body, Message)
        by_others = event.author != self.me and event.author not in self.preferences.ignored
        if isinstance(event.body, Message) and by_others and event.seq > known.summary.read:
            known.unread += 1
            known.mentions += mention
        return Effect.COUNTS if self._facts(known) == before else Effect.ROOM

    def _facts(self, known: KnownRoom) -> tuple[object, ...]:
        """Return what views show of a room besides its counts."""
        summary = known.summary
        kept = summary.retention and in_force(summary.retention, known.activity)
        withheld = known.withheld > summary.head
        return replace(summary, head=Seq(0)), kept, withheld, self._is_listed(known)


_Change = Callable[[RoomSummary, LogEvent, UserName], RoomSummary]


def _nothing(summary: RoomSummary, _event: LogEvent, _me: UserName) -> RoomSummary:
    return summary


def _members(summary: RoomSummary, event: LogEvent, _me: UserName) -> RoomSummary:
    """Take the server's number: banning someone who had left, for one, changes nothing."""
    assert isinstance(event.body, MembershipChange)  # noqa: S101 - the table below says so
    return summary if event.body.members is None else replace(summary, members=event.body.members)


def _accepted(summary: RoomSummary, event: LogEvent, me: UserName) -> RoomSummary:
    return replace(summary, request=False) if event.author == me and summary.request else summary


def _encrypted(summary: RoomSummary, _event: LogEvent, _me: UserName) -> RoomSummary:
    return replace(summary, encrypted=True)


def _topic(summary: RoomSummary, event: LogEvent, _me: UserName) -> RoomSummary:
    assert isinstance(event.body, TopicSet)  # noqa: S101 - the table below says so
    return replace(summary, topic=event.body.topic)


def _renamed(summary: RoomSummary, event: LogEvent, _me: UserName) -> RoomSummary:
    assert isinstance(event.body, Renamed)  # noqa: S101 - the table below says so
    return replace(summary, name=event.body.name)


def _archived(summary: RoomSummary, event: LogEvent, _me: UserName) -> RoomSummary:
    assert isinstance(event.body, Archived)  # noqa: S101 - the table below says so
    return replace(summary, archived=event.body.on)


def _retention(summary: RoomSummary, event: LogEvent, _me: UserName) -> RoomSummary:
    """Take what someone set; what applies now goes on until the time that the event names."""
    body, before = event.body, in_force(summary.retention, event.at) or Retention()
    assert isinstance(body, RetentionSet)  # noqa: S101 - the table below says so
    if body.applies is not None and body.applies > event.at:
        after = replace(before, next_days=body.days, next_from=body.applies)
    else:
        after = lengthened(before, body.days, event.at)
    return replace(summary, retention=None if after == Retention() else after)


def _role(summary: RoomSummary, event: LogEvent, me: UserName) -> RoomSummary:
    assert isinstance(event.body, RoleSet)  # noqa: S101 - the table below says so
    return replace(summary, role=event.body.role) if event.body.who == me else summary


_CHANGES: Final[Mapping[type, _Change]] = total(
    AnyBody,
    {
        Joined: _members,
        Added: _members,
        Left: _members,
        Kicked: _members,
        Banned: _members,
        Message: _accepted,
        EncryptedMessage: _accepted,
        EncryptionOn: _encrypted,
        TopicSet: _topic,
        Renamed: _renamed,
        Archived: _archived,
        RetentionSet: _retention,
        RoleSet: _role,
        Created: _nothing,
        Invited: _nothing,
        Uninvited: _nothing,
        Unbanned: _nothing,
        Muted: _nothing,
        Unmuted: _nothing,
        RoomDeleted: _nothing,
        Edited: _nothing,
        Deleted: _nothing,
        Reacted: _nothing,
        Pinned: _nothing,
        GroupCreated: _nothing,
        Handshake: _nothing,
        Contested: _nothing,
        Blank: _nothing,
        Unreadable: _nothing,
    },
    "_CHANGES",
)
