"""What the server left out, moved or removed: links between the messages of a room, and the notes about it.

A device numbers its messages in a room, and each message says what the device had processed before. This
reveals what the server left out, moved, or showed only to some. An honest device never makes a number look
missing: see ``Link.less`` and ``Link.void``.

The rule comes first, and is pure. ``Links`` works for one run of events of one room, inside the caller's
transaction, and is written once at its end. Its findings become the note of the event at which they were
made, and are corrected if the missing message arrives after all.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import pairwise
from typing import Final, cast

import apsw
import msgspec

from parlour_client.core.archive.outbox_table import skip_number
from parlour_client.core.archive.rows import user_name
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.model import Note, NoteKind
from parlour_client.kit.language import N_, _, ngettext
from parlour_protocol.encrypted.links import (
    MAX_RANGES,
    NO_TIP,
    NOTHING,
    TIP_BYTES,
    Link,
    Ranges,
    folded,
    message_digest,
)
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, RequestId, Seq
from parlour_protocol.kit.names import UserName

MAX_UNSEEN: Final = 64
"""Ranges of numbers that are remembered of one device; the oldest are dropped."""
OVERTAKEN: Final = 32
"""Messages of a device that one of its other programs may overtake, and still explain unreadable ones."""
MAX_COUNT: Final = 10_000
"""Messages counted as missing at once: a device that skips more is broken."""


EXCUSED: Final = -1
"""No such row: unreadable messages that are here explain them."""
_NO_BASE: Final = -1
"""The running digest is not known yet."""


class Unseen(msgspec.Struct, array_like=True):
    """Numbers of a device whose messages have not arrived."""

    low: int
    high: int
    after: int
    """A place in front of where they should be."""
    told: int = 0
    """The event whose row says that they are missing; 0: none does; ``EXCUSED``: they need none."""

    @property
    def count(self) -> int:
        """How many there are."""
        return min(self.high - self.low + 1, MAX_COUNT)


class Shown(msgspec.Struct):
    """What one device has shown."""

    last: int
    """Its highest number."""
    place: int
    """A place in front of its last messages, some of which may have overtaken others."""
    mark: int = 0
    """The next such place, and the number of messages since."""
    heard: int = 0
    floor: int = 0
    """Numbers up to here are unknown: this device joined in the middle."""
    unseen: list[Unseen] = msgspec.field(default_factory=list)
    """Numbers between ``floor`` and ``last``, ascending."""
    void: list[tuple[int, int]] = msgspec.field(default_factory=list)
    """Numbers that it skipped; a message may still arrive under one."""
    seen: int = 0
    base: int = 0
    running: bytes = NOTHING
    at: int | None = None
    """The place here of the newest event that the device had processed; None: not known yet."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """The result of a message's number."""

    missing: Sequence[Unseen] = ()
    """Messages of the device that should have arrived before and did not; not reported yet."""
    late: bool = False
    """The server put the message after messages that were sent later."""
    told: bool = False
    """It was reported as missing before, and has its place there."""
    repeated: bool = False
    """Another message had this number."""
    void: Sequence[Unseen] = ()
    """Those of them that were never sent."""
    settled: frozenset[Seq] = frozenset()
    """Events whose rows report messages as missing that have arrived, or never were sent."""


class How(Enum):
    """How another device's view differs from this one's."""

    MISSING = auto()
    """It had processed events that are not here."""
    HIDDEN = auto()
    """It had not processed events that are here before others that it had."""
    ORDER = auto()
    """It had processed other events, or in another order."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A view that differs."""

    how: How
    count: int = 0


@dataclass(frozen=True, slots=True)
class Stretch:
    """The room's events between two places."""

    count: int
    """Including those that are known to be missing."""
    running: bytes | None
    """The digest that a device has at its end if it was shown what is here; None: unknown."""
    is_known: bool = True
    """All of them arrived here before they were deleted."""


def take_number(shown: Shown, link: Link, place: int) -> Numbered:
    """Process a message's number, and those that it declares as skipped."""
    late = repeated = False
    settled: set[Seq] = set()
    shown.heard += 1
    if shown.heard >= OVERTAKEN:
        shown.place, shown.mark, shown.heard = shown.mark, place, 0
    if link.number > shown.last:
        if link.number > shown.last + 1:
            shown.unseen.append(Unseen(shown.last + 1, link.number - 1, shown.place))
        shown.last = link.number
    else:
        taken = _take(shown, link.number, link.number)
        given_up = any(low <= link.number <= high for low, high in shown.void)
        repeated = not taken and not given_up and link.number > shown.floor
        late = any(one.told for one in taken)
        settled.update(Seq(one.told) for one in taken if one.told > 0)
    told = bool(settled)
    void: list[Unseen] = []
    for low, high in _pairs(link.void):
        void += [one for one in _take(shown, low, high) if one.told > 0]
        if (low, high) not in shown.void:
            shown.void = [*shown.void, (low, high)][-MAX_UNSEEN:]
    for one in shown.unseen[:-MAX_UNSEEN]:
        shown.floor = max(shown.floor, one.high)
    del shown.unseen[:-MAX_UNSEEN]
    settled.update(Seq(one.told) for one in void)
    return Numbered(list(_promised(shown, link)), late, told, repeated, void, frozenset(settled))


def begin_comparison(shown: Shown, link: Link, at: int) -> None:
    """Begin to compare at the place where an epoch began, which all its members know."""
    shown.seen, shown.base, shown.at = link.seen - link.epoch[0], _NO_BASE, at


def excuse(shown: Shown, missing: Unseen, count: int) -> None:
    """Explain so many of the missing numbers by unreadable messages that are here.

    One that arrives all the same was none of those: the server moved it.
    """
    if count:
        taken = _take(shown, missing.low, missing.low + count - 1)
        shown.unseen += [Unseen(one.low, one.high, one.after, EXCUSED) for one in taken]
        shown.unseen.sort(key=lambda one: one.low)


def note_told(shown: Shown, link: Link, seq: Seq) -> None:
    """Note that the row of this event reports the missing messages."""
    for one in list(_promised(shown, link)):
        _take(shown, one.low, one.high)
        shown.unseen.append(Unseen(one.low, one.high, one.after, seq))
    shown.unseen.sort(key=lambda one: one.low)


def told_at(shown: Shown, seq: Seq) -> int:
    """Return how many of the messages that this event's row reports are still missing."""
    return sum(one.count for one in shown.unseen if one.told == seq)


def compare_views(shown: Shown, link: Link, at: int | None, stretch: Stretch) -> Differs | None:
    """Compare what a device had processed since its last message that is here with what is here.

    ``at`` is the place of its newest event, None if that is not here; ``stretch`` leads from ``shown.at`` to
    there, or to the end. The caller continues from the new place with ``follow``.
    """
    delta = link.seen - shown.seen
    turned = stretch.running is not None and stretch.running != link.running
    if not delta:
        return Differs(How.ORDER) if turned else None
    if at is None:
        if delta <= stretch.count and (link.tip == NO_TIP or not stretch.is_known):
            return None
        return Differs(How.MISSING, min(max(1, delta - stretch.count), MAX_COUNT))
    if (shown.at is not None and at < shown.at) or (turned and delta == stretch.count):
        return Differs(How.ORDER)
    if delta > stretch.count:
        return Differs(How.MISSING, min(delta - stretch.count, MAX_COUNT))
    return None if delta == stretch.count else Differs(How.HIDDEN, stretch.count - delta)


def follow_view(shown: Shown, link: Link, at: int) -> None:
    """Use the newest event that a device had processed as the start of the next comparison."""
    shown.seen, shown.base, shown.running, shown.at = link.seen, link.base, link.running, at


def joined_ranges(numbers: Sequence[tuple[int, int]], most: int) -> Ranges:
    """Return ranges as a link has them: joined if they touch, the nearest ones if there are too many."""
    joined: list[list[int]] = []
    for low, high in sorted(numbers):
        if joined and low <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], high)
        else:
            joined.append([low, high])
    while len(joined) > most:
        gaps = [after[0] - before[1] for before, after in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [[joined[at][0], joined[at + 1][1]]]
    return tuple(end for pair in joined for end in pair)


def _pairs(flat: Ranges) -> Iterator[tuple[int, int]]:
    return zip(flat[::2], flat[1::2], strict=True)


def _promised(shown: Shown, link: Link) -> Iterator[Unseen]:
    """Yield the numbers that preceded a message, as it says, are not here, and are not reported yet."""
    for one in list(shown.unseen):
        if one.told or one.low >= link.number:
            continue
        low, high = one.low, min(one.high, link.number - 1)
        for out_low, out_high in _pairs(link.less):
            if out_high < low or out_low > high:
                continue
            if low < out_low:
                yield Unseen(low, out_low - 1, one.after)
            low = out_high + 1
        if low <= high:
            yield Unseen(low, high, one.after)


def _take(shown: Shown, low: int, high: int) -> list[Unseen]:
    """Remove numbers from the missing ones; returns those that were among them."""
    taken: list[Unseen] = []
    left: list[Unseen] = []
    for one in shown.unseen:
        first, last = max(low, one.low), min(high, one.high)
        if first > last:
            left.append(one)
            continue
        taken.append(Unseen(first, last, one.after, one.told))
        if one.low < first:
            left.append(Unseen(one.low, first - 1, one.after, one.told))
        if last < one.high:
            left.append(Unseen(last + 1, one.high, one.after, one.told))
    shown.unseen = left
    return taken


OLDER_COPY: Final = N_(
    "This device has sent messages here that this copy of its home does not know: the home "
    "was restored from an older copy, or two copies are in use."
)


def missing_note(user: UserName, count: int) -> Note:
    """Say that messages of someone did not arrive."""
    words = ngettext(
        "1 message from {user} is missing here", "{count} messages from {user} are missing here", count
    )
    return Note(NoteKind.LEFT_OUT, user, words.format(user=user, count=count))


def differs_note(user: UserName, differs: Differs) -> Note:
    """Say how the order that someone was shown differs."""
    count = differs.count
    match differs.how:
        case How.MISSING if not count:
            words = _("{user} had seen messages before this one that are missing here")
            return Note(NoteKind.LEFT_OUT, user, words.format(user=user))
        case How.MISSING:
            words = ngettext(
                "{user} had seen 1 message before this one that is missing here",
                "{user} had seen {count} messages before this one that are missing here",
                count,
            )
            return Note(NoteKind.LEFT_OUT, user, words.format(user=user, count=count))
        case How.HIDDEN if not count:
            words = _("the server did not show {user} messages above this one")
            return Note(NoteKind.MOVED, user, words.format(user=user))
        case How.HIDDEN:
            words = ngettext(
                "the server did not show {user} 1 message above this one",
                "the server did not show {user} {count} messages above this one",
                count,
            )
            return Note(NoteKind.MOVED, user, words.format(user=user, count=count))
        case How.ORDER:
            return Note(
                NoteKind.MOVED,
                user,
                _("the server showed {user} different messages above, or a different order").format(
                    user=user
                ),
            )


def moved_note(user: UserName) -> Note:
    """Say that a message is placed after some that were written later."""
    words = _(
        "out of order: the server moved this message from {user}, which was sent before some above it"
    ).format(user=user)
    return Note(NoteKind.MOVED, user, words)


def repeated_note(user: UserName) -> Note:
    """Say that two messages of a device have the same number."""
    words = _(
        "another message from {user} had the same number: that device was restored from an older "
        "copy, or runs from two copies of one home"
    ).format(user=user)
    return Note(NoteKind.OLDER_COPY, user, words)


def older_copy_note(user: UserName) -> Note:
    """Say that this home is an older copy."""
    words = _("{older_copy} Nothing is sent here until this device has new keys.").format(
        older_copy=_(OLDER_COPY)
    )
    return Note(NoteKind.OLDER_COPY, user, words)


def dropped_note(user: UserName) -> Note:
    """Say that the server blanked a message by itself."""
    words = _(
        "the server deleted this message from {user}, though no one who may delete it asked for that"
    ).format(user=user)
    return Note(NoteKind.DROPPED, user, words)


def note_blanked(connection: apsw.Connection, room: RoomId, seq: Seq) -> None:
    """Note an event that arrived blanked."""
    connection.execute("INSERT OR IGNORE INTO mls_blanks VALUES (?, ?)", (room, seq))


def note_deletion(connection: apsw.Connection, room: RoomId, seq: Seq | None) -> None:
    """Note a message that gives, or may give, the reason why an event was blanked."""
    if seq is not None:
        connection.execute("DELETE FROM mls_blanks WHERE room = ? AND seq = ?", (room, seq))


def notes_on_dropped(connection: apsw.Connection, room: RoomId) -> dict[Seq, Note | None]:
    """Return notes, once, on events blanked without a request; when all of the room was processed."""
    query = "DELETE FROM mls_blanks WHERE room = ? RETURNING seq"
    blanked = sorted(Seq(int(str(seq))) for (seq,) in list(connection.execute(query, (room,))))
    query = "SELECT author FROM events WHERE room = ? AND seq = ?"
    return {
        seq: dropped_note(user_name(str(author)))
        for seq in blanked
        for (author,) in connection.execute(query, (room, seq))
    }


_APART: Final = 1 << 20
"""Distance between two places, so that missing messages fit in between."""
_BEYOND: Final = 64
"""Numbers that are skipped for each message that another copy of this home has sent."""

_ANYONE: Final = "*"
"""Instead of an author: messages that were removed, of which only the number is known."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Shown)


class Links:
    """The links of one room."""

    def __init__(self, connection: apsw.Connection, room: RoomId) -> None:
        self._connection = connection
        self._room = room
        self._number = self._seen = self._base = self._place = 0
        self._epoch_number = self._epoch_seen = self._epoch_place = 0
        self._running, self._tip = NOTHING, NO_TIP
        self._is_whole = self.is_older = self._is_new = False
        self._shown: dict[DeviceId, Shown] = {}
        self._changed: set[DeviceId] = set()
        self._own: int | None = None
        self._tips: set[bytes] | None = None
        """What others had processed and is not here, once that was asked for."""
        self.corrected: dict[Seq, Note | None] = {}
        """Rows that say something else now; None: they say nothing any more."""
        self._load()
        self._before = self._values()

    def _load(self) -> None:
        query = "SELECT * FROM mls_links WHERE room = ?"
        self._is_new = True
        for row in self._connection.execute(query, (self._room,)):
            _, number, seen, base, running, tip, place, *epoch, whole, older = cast(
                "tuple[str, int, int, int, bytes, bytes, int, int, int, int, int, int]", row
            )
            self._number, self._seen, self._base, self._place = number, seen, base, place
            self._epoch_number, self._epoch_seen, self._epoch_place = epoch
            self._running, self._tip = running, tip
            self._is_whole, self.is_older, self._is_new = bool(whole), bool(older), False

    def save(self) -> None:
        """Write the changes."""
        values = self._values()
        if values[2:] == self._before[2:] and values != self._before and not self._is_new:
            query = "UPDATE mls_links SET number = ? WHERE room = ?"
            self._connection.execute(query, (self._number, self._room))
            self._before = values
        elif values != self._before:
            query = "INSERT OR REPLACE INTO mls_links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            self._connection.execute(query, values)
            self._before = values
        for device in self._changed:
            state = _encoder.encode(self._shown[device])
            self._connection.execute(
                "INSERT OR REPLACE INTO mls_shown VALUES (?, ?, ?)", (self._room, device, state)
            )
        self._changed.clear()
        self._is_new = False

    def _values(self) -> tuple[str | int | bytes, ...]:
        return (
            self._room, self._number, self._seen, self._base, self._running, self._tip, self._place,
            self._epoch_number, self._epoch_seen, self._epoch_place, self._is_whole, self.is_older,
        )  # fmt: skip

    # --- the room

    def begins(self, seq: Seq) -> None:
        """Prepare for the next event; the first one tells where this device began."""
        if self._is_new:
            self._is_whole, self._is_new = seq == 1, False

    def enters(self) -> None:
        """Note that this device joins the group: it may not have read earlier messages of the room."""
        self._is_whole = self._is_whole and self._seen == 0
        self.is_older = False
        self.epoch_begins()

    def forked(self, shared: Seq) -> None:
        """Note that the server's history was rolled back to an event: each device lost other ones after it.

        This device's own numbers continue, and the lost ones are declared as skipped: someone may never have
        seen them. What it says that it has processed is again what everyone can have. What other devices had
        processed is compared from the beginning of the next epoch, and their lost messages may come again.
        """
        query = "SELECT device FROM mls_shown WHERE room = ?"
        for (device,) in list(self._connection.execute(query, (self._room,))):
            shown = self._of(DeviceId(str(device)))
            if shown is not None:
                shown.at, shown.floor = None, shown.last
                self._changed.add(DeviceId(str(device)))
        values = self._room, shared
        lost = """
            INSERT OR IGNORE INTO mls_voids SELECT room, number, number, NULL FROM mls_places
            WHERE room = ? AND seq > ? AND number IS NOT NULL"""
        self._connection.execute(lost, values)
        gone = """
            SELECT request FROM mls_sealed WHERE room = ? AND number IS NOT NULL
                AND request NOT IN (SELECT request FROM outbox)"""
        for (request,) in list(self._connection.execute(gone, (self._room,))):
            skip_number(self._connection, RequestId(str(request)))  # lost before its event had arrived
        for query in (
            "DELETE FROM mls_places WHERE room = ? AND seq > ? AND digest IS NULL",
            # They are known, and count no more, not after the next rollback either.
            """UPDATE mls_places SET seq = -seq, weight = 0, unread = NULL, number = NULL
                WHERE room = ? AND seq > ?""",
            "DELETE FROM mls_awaited WHERE room = ? AND seq > ?",
        ):
            self._connection.execute(query, values)
        self._count_again(shared)

    def _count_again(self, shared: Seq) -> None:
        """Count what was processed up to an event, as ``place`` and ``expired`` did."""
        self._seen, self._base, self._running, self._tip = 0, 0, NOTHING, NO_TIP
        query = """
            SELECT digest, weight, unread FROM mls_places
            WHERE room = ? AND seq BETWEEN 1 AND ? AND place % ? = 0 ORDER BY place"""
        rows = self._connection.execute(query, (self._room, shared, _APART))
        for digest, weight, unread in cast("list[tuple[bytes | None, int, str | None]]", list(rows)):
            self._seen += weight if unread == _ANYONE else 1
            if digest is None:
                self._base, self._running, self._tip = self._seen, NOTHING, NO_TIP
            else:
                self._running, self._tip = folded(self._running, (digest,)), digest[:TIP_BYTES]
        self._epoch_seen = min(self._epoch_seen, self._seen)

    def epoch_begins(self) -> None:
        """Note that a commit took effect: what follows belongs to another epoch."""
        self._epoch_number, self._epoch_seen = self._number, self._seen
        self._epoch_place = self._place

    def members_joined(self, devices: Collection[DeviceId]) -> None:
        """Note devices that joined: if all of the room is known, their first message is number one."""
        for device in devices if self._is_whole else ():
            if self._of(device) is None:
                self._shown[device] = Shown(0, self._place, mark=self._place)
                self._changed.add(device)

    def is_known(self, data: bytes) -> bool:
        """Say whether this very ciphertext was processed before."""
        digest = message_digest(data)
        query = """
            SELECT 1 FROM mls_places INDEXED BY mls_places_tip
            WHERE room = ? AND digest IS NOT NULL AND substr(digest, 1, 8) = ? AND digest = ?"""
        return any(self._connection.execute(query, (self._room, digest[:TIP_BYTES], digest)))

    def place(self, seq: Seq, data: bytes | None, unread: UserName | None, *, late: bool) -> bool:
        """Give the next encrypted event its place, after ``hear``; True: someone had seen it earlier.

        ``data`` is None for a blanked event, ``unread`` names the author of one that could not be read.
        """
        if data is not None and self.is_known(data):  # each ciphertext counts once, however often it is shown
            return False
        digest = None if data is None else message_digest(data)
        self._seen += 1
        if digest is None:
            self._base, self._running, self._tip = self._seen, NOTHING, NO_TIP
        else:
            self._running, self._tip = folded(self._running, (digest,)), digest[:TIP_BYTES]
        moved = digest is not None and self._awaited(digest[:TIP_BYTES])
        weight = 0 if late or moved else 1
        self._place += _APART
        author, number, self._own = None if unread is None else str(unread), self._own, None
        values = (self._room, self._place, seq, digest, weight, author, number)
        self._connection.execute("INSERT INTO mls_places VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        return moved

    def expired(self, seq: Seq, count: int) -> None:
        """Give messages that the room's retention removed, up to event ``seq``, one place together.

        They count as blanked ones do: other devices have processed as many, and any of them may have sent
        them.
        """
        if count <= 0:
            return
        self._seen += count
        self._base, self._running, self._tip = self._seen, NOTHING, NO_TIP
        self._place += _APART
        values = (self._room, self._place, seq, None, count, _ANYONE)
        self._connection.execute("INSERT INTO mls_places VALUES (?, ?, ?, ?, ?, ?, NULL)", values)

    def _expired_after(self, place: int) -> int:
        """Return how many messages were removed after a place."""
        query = "SELECT coalesce(sum(weight), 0) FROM mls_places WHERE room = ? AND place > ? AND unread = ?"
        for (count,) in self._connection.execute(query, (self._room, place, _ANYONE)):
            return int(str(count))
        return 0

    def _awaited(self, tip: bytes) -> bool:
        if self._tips is None:
            query = "SELECT tip FROM mls_awaited WHERE room = ?"
            self._tips = {cast("bytes", one) for (one,) in self._connection.execute(query, (self._room,))}
        if tip not in self._tips:
            return False
        self._tips.discard(tip)
        query = "DELETE FROM mls_awaited WHERE room = ? AND tip = ? RETURNING seq, user, count"
        found = list(self._connection.execute(query, (self._room, tip)))
        for seq, user, count in cast("list[tuple[int, str, int]]", found):
            left = differs_note(user_name(user), Differs(How.MISSING, count - 1))
            self.corrected[Seq(seq)] = left if count > 1 else None
        return bool(found)

    # --- other devices

    def hear(
        self, seq: Seq, user: UserName, device: DeviceId, link: Link, *, current: bool
    ) -> tuple[Note | None, bool]:
        """Judge a message before it has its place; returns its note, and whether it has a place already.

        ``current``: it was encrypted in the current epoch, whose beginning is known here.
        """
        shown = self._of(device) or self._first_heard(device, link, current=current)
        self._changed.add(device)
        if current and shown.at is None:
            begin_comparison(shown, link, self._epoch_place)
        numbered = take_number(shown, link, self._place + _APART)
        notes = self._missing(seq, user, shown, link, numbered.missing)
        self._settle(user, shown, numbered)
        if numbered.late:
            notes.append(moved_note(user))
        elif numbered.repeated:
            notes.append(repeated_note(user))
        elif link.seen >= shown.seen or shown.at is None:
            notes += self._compared(seq, user, shown, link)
        kind = notes[0].kind if notes else NoteKind.LEFT_OUT
        words = "; ".join(note.detail for note in notes)
        return (Note(kind, user, words) if notes else None), numbered.told

    def _first_heard(self, device: DeviceId, link: Link, *, current: bool) -> Shown:
        """Start with a device: all it encrypted in the current epoch can be read here."""
        since = link.epoch[1] if current else 0
        floor, place = (link.number - since, self._epoch_place) if since else (link.top, 0)
        shown = self._shown[device] = Shown(floor, place, mark=place, floor=floor)
        return shown

    def _missing(
        self, seq: Seq, user: UserName, shown: Shown, link: Link, missing: Sequence[Unseen]
    ) -> list[Note]:
        """Report numbers that did not arrive; an unreadable message may be one of them."""
        for one in missing:
            gone = min(one.high - one.low + 1, self._expired_after(one.after))
            excuse(shown, one, max(gone, self._unread(user, one)))
        note_told(shown, link, seq)
        left = told_at(shown, seq)
        if not left:
            return []
        already = self._sum_missing(min(one.after for one in missing))
        if left > already:
            self._put_missing(self._place + 1, seq, left - already)
        return [missing_note(user, left)]

    def _unread(self, user: UserName, missing: Unseen) -> int:
        """Count someone's unreadable messages, each once, as the missing ones."""
        query = """
            UPDATE mls_places SET unread = NULL WHERE room = ?1 AND place IN (
                SELECT place FROM mls_places WHERE room = ?1 AND place > ?2 AND unread = ?3
                ORDER BY place LIMIT ?4)"""
        self._connection.execute(query, (self._room, missing.after, str(user), missing.count))
        return self._connection.changes()

    def _settle(self, user: UserName, shown: Shown, numbered: Numbered) -> None:
        """Correct rows about missing messages that arrived, or never were sent."""
        for one in numbered.void:
            query = """
                UPDATE mls_places SET weight = max(0, weight - ?)
                WHERE room = ? AND seq = ? AND digest IS NULL AND place % ? != 0"""
            self._connection.execute(query, (one.count, self._room, one.told, _APART))
        for seq in numbered.settled:
            left = told_at(shown, seq)
            self.corrected[seq] = missing_note(user, left) if left else None

    def _compared(self, seq: Seq, user: UserName, shown: Shown, link: Link) -> list[Note]:
        """Compare what a device had processed with what is here, and continue from there."""
        at = self._find(link.tip)
        if shown.at is None:
            return self._first(seq, user, shown, link, at)
        end = self._place + _APART if at is None else at  # with those just reported as missing
        if link.seen == shown.seen:
            at = end = shown.at
        differs = compare_views(shown, link, at, self._stretch_of(shown, shown.at, link, end))
        if differs is None and at is None and self._expired_after(shown.at):
            shown.at = None  # it had processed some of the removed ones: compare again from the epoch's start
            return []
        if differs is not None and differs.how is How.MISSING and at is not None:
            behind = self._stretch(at, self._place).count  # what it had seen may be here, in another place
            if behind >= differs.count:
                differs, at = Differs(How.ORDER), None
        if at is None:
            lacking = differs.count if differs is not None else 0
            at, _left = self._walked(shown.at, max(0, link.seen - shown.seen - lacking))
        if differs is not None:
            at = self._differing(seq, user, shown.at, at, link, differs)
        follow_view(shown, link, max(at, shown.at))
        return [] if differs is None else [differs_note(user, differs)]

    def _first(self, seq: Seq, user: UserName, shown: Shown, link: Link, at: int | None) -> list[Note]:
        """Find the place of a device's first message; all before it may be unknown here."""
        if at is not None:
            follow_view(shown, link, at)
            return []
        if link.tip == NO_TIP or not self._is_whole or not self._stretch(0, self._place).is_known:
            return []
        differs = Differs(How.MISSING)
        follow_view(shown, link, self._differing(seq, user, 0, self._place, link, differs))
        return [differs_note(user, differs)]

    def _differing(self, seq: Seq, user: UserName, after: int, at: int, link: Link, differs: Differs) -> int:
        """Keep others who saw the same from reporting it again; returns where to continue."""
        if differs.how is How.HIDDEN:
            return at
        missing = differs.how is How.MISSING
        if missing and self._find(link.tip) is None:
            self._tips = None
            self._connection.execute(
                "INSERT OR REPLACE INTO mls_awaited VALUES (?, ?, ?, ?, ?)",
                (self._room, link.tip, seq, str(user), differs.count),
            )
            return self._put_missing(at + 1, seq, max(1, differs.count))
        self._put_missing(max(after + 1, at - 1), seq, differs.count if missing else 0)
        return at

    def _put_missing(self, place: int, seq: Seq, count: int) -> int:
        """Give missing messages a place between events."""
        query = """
            INSERT INTO mls_places VALUES (?, ?, ?, NULL, ?, NULL, NULL)
            ON CONFLICT DO UPDATE SET weight = weight + excluded.weight WHERE digest IS NULL"""
        self._connection.execute(query, (self._room, place, seq, count))
        return place

    # --- places

    def _of(self, device: DeviceId) -> Shown | None:
        if device not in self._shown:
            query = "SELECT state FROM mls_shown WHERE room = ? AND device = ?"
            for (state,) in self._connection.execute(query, (self._room, device)):
                self._shown[device] = _decoder.decode(cast("bytes", state))
        return self._shown.get(device)

    def _find(self, tip: bytes) -> int | None:
        if tip == NO_TIP:
            return None
        query = """
            SELECT place FROM mls_places WHERE room = ? AND digest IS NOT NULL AND substr(digest, 1, 8) = ?
            ORDER BY place DESC LIMIT 1"""
        return next((int(str(one)) for (one,) in self._connection.execute(query, (self._room, tip))), None)

    def _stretch_of(self, shown: Shown, begin: int, link: Link, end: int) -> Stretch:
        """Return the stretch that a device has processed since its last message, and its digest at the end.

        That counts from the last blank, or from where the device began: both are places here, perhaps before
        its last message.
        """
        found = self._stretch(begin, end)
        if link.base == shown.base:
            return replace(found, running=self._folded(shown.running, begin, end))
        base = self._moved(begin, link.base - shown.seen)
        return found if base is None else replace(found, running=self._folded(NOTHING, base, end))

    def _between(self, after: int, to: int) -> list[tuple[bytes | None, int]]:
        """Return digest and weight of the places after one, up to another."""
        query = (
            "SELECT digest, weight FROM mls_places WHERE room = ? AND place > ? AND place <= ? ORDER BY place"
        )
        rows = self._connection.execute(query, (self._room, after, to))
        return cast("list[tuple[bytes | None, int]]", list(rows))

    def _folded(self, running: bytes, after: int, to: int) -> bytes | None:
        rows = self._between(after, to)
        known = [digest for digest, weight in rows if digest is not None and weight]
        return None if any(digest is None for digest, _weight in rows) else folded(running, known)

    def _stretch(self, after: int, to: int) -> Stretch:
        rows = self._between(after, to)
        known = all(digest is not None for digest, _weight in rows)
        return Stretch(sum(weight for _digest, weight in rows), None, known)

    def _moved(self, place: int, count: int) -> int | None:
        """Return the place so many events after another, or before it; None if it is not known here."""
        to, left = self._walked(place, count)
        return None if left else to

    def _walked(self, place: int, count: int) -> tuple[int, int]:
        """Return the place so many events after another, or before it, and how many lack to get there."""
        if count >= 0:
            query = "SELECT place, weight FROM mls_places WHERE room = ? AND place > ? ORDER BY place"
        else:
            query = (
                "SELECT place - 1, weight FROM mls_places WHERE room = ? AND place <= ? ORDER BY place DESC"
            )
        left = abs(count)
        for to, weight in self._connection.execute(query, (self._room, place)):
            if left <= 0:
                break
            left -= int(str(weight))
            place = int(str(to))
        return place, left

    def _sum_missing(self, after: int) -> int:
        query = """
            SELECT coalesce(sum(weight), 0) FROM mls_places
            WHERE room = ? AND place > ? AND digest IS NULL AND place % ? != 0"""
        for (count,) in self._connection.execute(query, (self._room, after, _APART)):
            return int(str(count))
        return 0

    # --- this device

    def said(self, number: int | None) -> None:
        """Note the number of this device's own message, before it has its place."""
        self._own = number

    def found_older_copy(self) -> None:
        """Note that a message of this device arrived that this home does not know."""
        again = "UPDATE mls_sealed SET number = NULL, epoch = -1 WHERE room = ?"  # the other one had them
        self._connection.execute(again, (self._room,))
        low, high = self._number + 1, self._number + _BEYOND
        self._connection.execute("INSERT INTO mls_voids VALUES (?, ?, ?, NULL)", (self._room, low, high))
        self._number, self.is_older = high, True

    def has_fresh_keys(self) -> None:
        """Note that a commit of this device took effect: no key of an older copy is in use any more."""
        self.is_older = False

    def require_fresh(self) -> None:
        """Refuse to encrypt with keys that another copy of this home may have used. Raises NotReadyError."""
        if self.is_older:
            raise NotReadyError(
                _("{older_copy} This device gets new keys for the room first.").format(older_copy=OLDER_COPY)
            )

    def next(self, number: int | None, before: Collection[RequestId]) -> Link:
        """Return the link of a message that is encrypted now; ``number`` is its own if it has one already.

        ``before``: requests that the server has, or that are sent before this one.
        """
        if number is None:
            self._number += 1
            number = self._number
        query = """
            SELECT request, number, EXISTS (
                SELECT 1 FROM mls_ciphertexts c WHERE c.request = s.request AND c.number IS NOT s.number
            ) FROM mls_sealed s WHERE room = ? AND number < ?"""
        mine = cast(
            "list[tuple[RequestId, int, int]]", list(self._connection.execute(query, (self._room, number)))
        )
        # What has two numbers may be stored under the other one: the log will show it.
        waiting = [(one, one) for request, one, two in mine if two or request not in before]
        voids, said = self._voids(number)
        return Link(
            number,
            self._number,
            self._seen,
            (self._seen - self._epoch_seen, max(0, number - self._epoch_number)),
            self._base,
            self._tip + self._running,
            joined_ranges([*waiting, *voids], MAX_RANGES),
            said,
        )

    def _voids(self, number: int) -> tuple[list[tuple[int, int]], Ranges]:
        """Return the skipped numbers below one, and those of them that its message declares.

        They are declared until a message that does so is stored; it may be deleted before someone reads it,
        so that no later message counts on it either (``Link.less``).
        """
        query = "SELECT low, high, said_in FROM mls_voids WHERE room = ? AND low < ? ORDER BY low"
        rows = list(self._connection.execute(query, (self._room, number)))
        voids: list[tuple[int, int]] = []
        unsaid: list[tuple[int, int]] = []
        for low, high, said_in in cast("list[tuple[int, int, int | None]]", rows):
            voids.append((low, high))
            if said_in is None or said_in == number or self._waits(said_in):
                unsaid.append((low, high))
        said = joined_ranges(unsaid, max(1, len(unsaid)))[: 2 * MAX_RANGES]
        if said:
            query = "UPDATE mls_voids SET said_in = ? WHERE room = ? AND high <= ? AND said_in IS NULL"
            self._connection.execute(query, (number, self._room, said[-1]))
        return voids, said

    def _waits(self, number: int) -> bool:
        query = "SELECT 1 FROM mls_sealed WHERE room = ? AND number = ?"
        return any(self._connection.execute(query, (self._room, number)))
