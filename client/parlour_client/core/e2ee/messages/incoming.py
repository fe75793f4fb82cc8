"""Incoming events of encrypted rooms: processed in order, with a Welcome before what follows it, and stored.

A room that needs a Welcome is held until it was fetched and joined, or is known to be missing, and one that
gets devices which are new here, or a new key of someone, until the key log was fetched; other rooms go on.
Without keys (a failed registration) encrypted rooms are held and say so. A run is decrypted and written in
one transaction, so a ratchet step and its message are both on disk, or neither is; events after a gap are
left for the next fetch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Final, cast

import apsw

from parlour_client.core.archive import (
    events,
    history_parts,
    insertion,
    key_log_copy,
    known_rooms,
    outbox_table,
)
from parlour_client.core.archive.history_parts import Part
from parlour_client.core.archive.insertion import Annotation, Applied, NewEvent, wire_digest
from parlour_client.core.e2ee.errors import JoinRefusedError, KeyLogNeededError
from parlour_client.core.e2ee.group import join, receive, store
from parlour_client.core.e2ee.group.contents import keep_file_key
from parlour_client.core.e2ee.group.join import OpenedWelcome
from parlour_client.core.e2ee.group.order import notes_on_dropped
from parlour_client.core.e2ee.group.run import Receipt, Received
from parlour_client.core.e2ee.group.store import Groups, load_room, save_room
from parlour_client.core.e2ee.identity import key_log, key_packages
from parlour_client.core.e2ee.keep.keys import Keys
from parlour_client.core.e2ee.keep.schedule import Scheduler
from parlour_client.core.e2ee.world import World
from parlour_client.core.model import BEFORE_JOIN, NoteKind
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import first_of, have_expired
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.kit.language import _
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.encrypted import EncryptedFile, HistoryContent, TextContent
from parlour_protocol.frames import AnyBody, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import EncryptedMessage, Handshake, Message
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_protocol.rooms import RoomKind, RoomSuite

Names = Callable[[AnyBody], bool]
"""Says whether a message mentions this account."""


def store_events(
    connection: apsw.Connection,
    groups: Groups,
    room: RoomId,
    events: Sequence[LogEvent],
    names_me: Names,
    now: Millis,
    *,
    welcome_missing: bool = False,
    refused: JoinRefusedError | None = None,
    key_log_read: bool = False,
    to_head: bool = False,
) -> Receipt:
    """Decrypt and store the next events; those after a gap are left alone, known ones are only returned.

    ``to_head``: nothing comes after these, as far as the server has said.
    """
    cursor = store.cursor(connection, room)
    following = _following(events, cursor)
    receipt = receive.process(
        connection,
        groups,
        room,
        following,
        now,
        welcome_missing=welcome_missing,
        refused=refused,
        key_log_read=key_log_read,
    )
    receipt.denied = _deny(connection, room, receipt.items, now)
    comparisons = _keep(connection, room, receipt.items, now)
    fresh = store_items(connection, receipt.items, names_me, receipt.cursor, following)
    if to_head and events and receipt.cursor >= events[-1].seq:
        receipt.corrected |= notes_on_dropped(connection, room)
    for seq, note in receipt.corrected.items():
        insertion.correct(connection, room, seq, note)
    # Another program on this home may have stored them: its views know, ours do not.
    known = [event for event in events if event.seq <= cursor]
    receipt.elsewhere = any(not isinstance(event.body, EncryptedMessage) for event in known)
    receipt.applied = [*_reported(connection, room, [event.seq for event in known], names_me), *fresh]
    receipt.behind = key_log.Comparison.BEHIND in comparisons
    receipt.differs = key_log.Comparison.DIFFERS in comparisons
    return receipt


def store_older(
    connection: apsw.Connection,
    room: RoomId,
    events: Sequence[LogEvent],
    names_me: Names,
) -> None:
    """Store events from before this device began: readable ones are from before encryption."""
    cursor = store.cursor(connection, room)
    older = receive.before_join(connection, room, [e for e in events if e.seq <= cursor])
    store_items(connection, older, names_me, Seq(0))


def store_items(
    connection: apsw.Connection,
    items: Sequence[Received],
    names_me: Names,
    top: Seq,
    came: Sequence[LogEvent] = (),
) -> list[Applied]:
    """Write the decrypted events of ``came``, and remove the outbox rows whose event is here."""
    digests = {event.seq: wire_digest(event.body) for event in came}
    items = list(_folded(connection, items))
    events = [item.event for item in items]
    marks = [
        Annotation(item.row, item.sealed, item.trouble, item.note, digests.get(item.event.seq))
        for item in items
    ]
    mentions = [item.row and names_me(item.event.body) for item in items]
    applied = insertion.add(connection, events, mentions, top, marks)
    requests = {item.event.seq: item.request for item in items if item.request is not None}
    for request in requests.values():
        outbox_table.remove(connection, request)
    return [replace(one, request=one.request or requests.get(one.event.seq)) for one in applied]


def _folded(connection: apsw.Connection, items: Sequence[Received]) -> Iterator[Received]:
    """Keep one row for all that this device can't read before what it can; none if all of it is read."""
    divided: bool | None = None
    for item in items:
        begins = item.note is not None and item.note.kind is NoteKind.HISTORY_STARTS
        if not begins and item.trouble != BEFORE_JOIN:
            yield item
            if item.sealed and not item.trouble and isinstance(item.event.body, Message):
                divided = False
            continue
        room, seq = item.event.room, item.event.seq
        if divided is None:
            divided = _is_divided(connection, room, seq)
        handed = begins and _is_read_before(connection, room, seq)
        yield replace(item, row=False) if divided or handed else item
        divided = divided or not handed


_DIVIDED: Final = """
    SELECT trouble != '' OR note IS NOT NULL FROM events WHERE room = ? AND seq < ? AND is_row AND (
        trouble = ? OR json_extract(note, '$.kind') = ? OR (kind = 'message' AND sealed AND trouble = '')
    ) ORDER BY seq DESC LIMIT 1"""


def _is_divided(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    """Say whether a row says already that nothing can be read, and nothing could be since."""
    values = (room, seq, BEFORE_JOIN, NoteKind.HISTORY_STARTS.value)
    return any(bool(divided) for (divided,) in connection.execute(_DIVIDED, values))


_SAID_LAST: Final = """
    SELECT trouble = '' FROM events WHERE room = ? AND seq < ?
        AND kind IN ('message', 'sealed') AND (sealed OR trouble != '') ORDER BY seq DESC LIMIT 1"""


def _is_read_before(connection: apsw.Connection, room: RoomId, seq: Seq) -> bool:
    """Say whether this device can read the latest message before an event: another one sent it over."""
    return any(bool(read) for (read,) in connection.execute(_SAID_LAST, (room, seq)))


def hide_dividers(connection: apsw.Connection, room: RoomId) -> None:
    """Remove rows that say that nothing before them can be read, where it can be read by now."""
    query = "SELECT seq FROM events WHERE room = ? AND json_extract(note, '$.kind') = ?"
    found = connection.execute(query, (room, NoteKind.HISTORY_STARTS.value))
    for seq in [Seq(int(str(seq))) for (seq,) in list(found)]:
        if _is_read_before(connection, room, seq):
            connection.execute("UPDATE events SET is_row = 0 WHERE room = ? AND seq = ?", (room, seq))


def _following(events: Sequence[LogEvent], cursor: Seq) -> Sequence[LogEvent]:
    following = []
    expected = Seq(cursor + 1)
    for event in events:
        if first_of(event) > expected:
            break
        if event.seq >= expected:
            following.append(event)
            expected = Seq(event.seq + 1)
    return following


def _deny(
    connection: apsw.Connection, room: RoomId, items: Sequence[Received], now: Millis
) -> Sequence[RequestId]:
    """Let requests fail that should be stored at these places and are not there, unless they have expired."""
    if not items:
        return ()
    genuine = {item.event.seq: item.request for item in items}
    gone = [item.event for item in items if have_expired(item.event)]
    denied = list[RequestId]()
    places = outbox_table.stored(connection, room, first_of(items[0].event), items[-1].event.seq)
    for seq in dict.fromkeys(seq for seq, request in places if genuine.get(seq) != request):
        days = next((one.days for one in gone if one.first <= seq <= one.seq), None)
        horizon = Expiry(days, now).horizon
        denied += outbox_table.deny(connection, room, seq, genuine.get(seq), horizon)
        if days is not None:
            outbox_table.expire(connection, room, seq, horizon)
    return denied


def _keep(
    connection: apsw.Connection, room: RoomId, items: Sequence[Received], now: Millis
) -> set[key_log.Comparison]:
    """Store the keys of files and of history, and compare others' states of the key log."""
    for item in items:
        if isinstance(item.content, TextContent) and item.content.file is not None:
            keep_file_key(connection, room, item.content.file)
        elif isinstance(item.content, HistoryContent):
            _keep_history(connection, item, item.content.file)
    theirs = (item for item in items if item.request is None)
    states = ((item.event.author, item.key_log) for item in theirs if item.key_log is not None)
    return key_log.compare_all(connection, states, now)


def _keep_history(connection: apsw.Connection, item: Received, file: EncryptedFile) -> None:
    """Store how history is fetched and decrypted; ``history`` checks its author."""
    event, device = item.event, item.device
    if device is not None:
        key, digest = bytes(file.key), bytes(file.sha256)
        history_parts.keep(connection, Part(event.room, event.seq, device, file.file, key, digest, file.size))


def _reported(
    connection: apsw.Connection, room: RoomId, seqs: Sequence[Seq], names_me: Names
) -> Sequence[Applied]:
    if not seqs:
        return ()
    found, _ = events.above(connection, room, Seq(seqs[0] - 1), len(seqs), over_holes=True)
    query = "SELECT seq, id FROM mls_messages WHERE room = ? AND seq BETWEEN ? AND ?"
    ids = cast("list[tuple[Seq, str]]", list(connection.execute(query, (room, seqs[0], seqs[-1]))))
    ours = {seq: RequestId(one) for seq, one in ids}
    run = [NewEvent(e, names_me(e.body), request=ours.get(e.seq)) for e in found if e.seq <= seqs[-1]]
    return insertion.applied(connection, room, run)


_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_MAX_INBOX: Final = 50
"""Answers with Welcomes that are read: a server whose list never ends must not block the client."""


class Incoming:
    """Processes the events of all encrypted rooms."""

    def __init__(
        self,
        world: World,
        keys: Keys,
        scheduler: Scheduler,
        stored: Callable[[RoomId, Receipt], None],
    ) -> None:
        """Call ``stored`` with the outcome of each run of events."""
        self._world = world
        self._keys = keys
        self._scheduler = scheduler
        self._stored = stored
        self._joining: dict[RoomId, asyncio.Task[None]] = {}
        """What rooms that are held wait for."""
        self._looked_for: set[DeviceId] = set()
        """Devices that were added to groups and that the newest key log did not have."""

    async def load(self) -> None:
        """Load the encrypted rooms from the archive."""
        self._world.encrypted.update(await self._world.archive.read(_pinned))

    async def track(self, room: RoomId) -> None:
        """Follow a room that is about to be used, even in a program that follows no others."""
        summary = self._world.state.summary(room)
        if summary is None or self._world.catch_up.follows(room):
            return
        await self._world.archive.write(known_rooms.save, [summary])
        await self.greet([summary])
        self._scheduler.unsure.add(room)
        self._world.catch_up.track(room)  # last: nothing of it is fetched before it stands where it stopped

    # for Receiver
    async def take(self, room: RoomId, events: Sequence[LogEvent]) -> Sequence[Applied]:
        """Decrypt and store the next events; the rest is fetched again later."""
        groups = self._keys.maybe_groups
        if groups is None or room in self._joining:
            if groups is None:
                self._world.catch_up.hold(room)
            return ()
        if unknown := await self._unknown(events):
            at = Seq(first_of(events[0]) - 1)
            self._hold(room, partial(self._with_devices, unknown, at))
            return ()
        taken = await self._world.archive.write(
            store_events,
            groups,
            room,
            events,
            self._world.state.names_me,
            self._world.clock.now(),
            to_head=events[-1].seq >= self._world.catch_up.head(room),
        )
        if taken.needs_welcome is not None:
            self._hold(room, partial(self._joined, room, taken.needs_welcome))
        elif taken.needs_key_log is not None:
            self._hold(room, partial(self._with_key_log, room, taken.needs_key_log))
        elif taken.cursor < events[-1].seq:
            self._world.catch_up.stand_at(room, taken.cursor)
        self._stored(room, taken)
        return taken.applied

    async def turned_on(self, event: LogEvent) -> None:
        """Mark the room as encrypted from this event on; later events go through ``take``."""
        self._world.encrypted.add(event.room)
        if self._keys.maybe_groups is None:
            self._world.catch_up.hold(event.room)
            return
        await self._world.archive.write(_begin, event.room, event.seq, Seq(event.seq - 1), RoomSuite.X25519)
        self._world.catch_up.stand_at(event.room, self._world.catch_up.top(event.room))

    # at a greeting
    def note(self, summaries: Sequence[RoomSummary]) -> None:
        """Note the rooms that the server says are encrypted."""
        self._world.encrypted.update(summary.room for summary in summaries if summary.encrypted)

    async def greet(self, summaries: Sequence[RoomSummary]) -> None:
        """Let each encrypted room continue where it stopped, or begin where its Welcome leads."""
        self.note(summaries)
        mine = [summary for summary in summaries if summary.room in self._world.encrypted]
        if self._keys.maybe_groups is None:
            for summary in mine:
                self._world.catch_up.hold(summary.room)
            return
        inbox = await self._inbox() if mine else []
        for summary in mine:
            if summary.room not in self._joining:
                await self._stand(summary, inbox)

    async def older(self, room: RoomId, events: Sequence[LogEvent]) -> None:
        """Store a page from below where this device began."""
        if self._keys.maybe_groups is not None:
            await self._world.archive.write(store_older, room, events, self._world.state.names_me)

    async def left(self, room: RoomId) -> None:
        """Stop joining a room that the account is not a member of any more, before its keys are deleted."""
        if (joining := self._joining.pop(room, None)) is not None:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            self._world.catch_up.release(room, await self._world.archive.read(store.cursor, room))

    async def stop(self) -> None:
        """Stop the running tasks."""
        for task in self._joining.values():
            task.cancel()
        await asyncio.gather(*self._joining.values(), return_exceptions=True)
        self._joining.clear()

    async def _stand(self, summary: RoomSummary, inbox: Sequence[WaitingWelcome] | None) -> None:
        room = summary.room
        cursor = await self._world.archive.write(_pin, room, summary.head, summary.suite)
        if cursor == 0 and inbox is not None and summary.head > PAGE_EVENTS.value:
            # A new member can read nothing from before, so it need not fetch all of it.
            first = min((w.seq for w in inbox if w.room == room), default=Seq(summary.head + 1))
            cursor = await self._world.archive.write(
                _begin, room, summary.head, Seq(first - 1), summary.suite
            )
        for used in inbox or ():
            if used.room == room and used.seq <= cursor:
                with suppress(ParlourClientError):
                    await self._world.delivery.drop_welcome(used.id)
        self._world.catch_up.release(room, cursor)

    async def _inbox(self) -> list[WaitingWelcome] | None:
        """Return what waits for this device; None if it cannot be fetched now."""
        found: list[WaitingWelcome] = []
        with suppress(ParlourClientError):
            for _message in range(_MAX_INBOX):
                page = await self._world.delivery.welcomes(self._keys.groups.own.device)
                self._world.numbers.check(page.incarnation)
                here = map(self._world.numbers.welcome, page.welcomes)
                fresh = [welcome for welcome in here if welcome not in found]
                found += fresh
                if not page.more or not fresh:
                    break
            return found
        return None

    async def _unknown(self, events: Sequence[LogEvent]) -> Sequence[DeviceId]:
        """Return the devices that events add to a group and that our copy of the key log does not have."""
        added = {one for event in events if isinstance(event.body, Handshake) for one in event.body.added}
        added -= self._looked_for
        return await self._world.archive.read(_not_logged, added) if added else ()

    # joining
    def _hold(self, room: RoomId, work: Callable[[], Awaitable[Seq]]) -> None:
        """Let a room wait for something; it goes on after the event that ``work`` returns."""
        self._world.catch_up.hold(room, briefly=True)
        self._joining[room] = asyncio.ensure_future(self._held(room, work))

    async def _held(self, room: RoomId, work: Callable[[], Awaitable[Seq]]) -> None:
        """Try until the Welcome was used or is useless, and the key log was read."""
        wait = _FIRST_WAIT
        while True:
            try:
                cursor = await work()
                break
            except ParlourClientError as error:  # also a full disk, or another program that writes for long
                self._scheduler.failed(room, error)
                self._world.catch_up.hold(room)  # for longer: the other rooms do not wait for this one
                await self._world.clock.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
        del self._joining[room]
        self._world.catch_up.release(room, cursor)

    async def _with_devices(self, devices: Sequence[DeviceId], at: Seq) -> Seq:
        """Fetch the key log because of devices that are new here; one that is not in it is reported.

        The room continues after ``at``, where it stood: what another program on this home has processed
        meanwhile is still to be shown here.
        """
        await self._keys.identity.catch_up()
        self._looked_for.update(devices)
        return at

    async def _joined(self, room: RoomId, event: LogEvent) -> Seq:
        groups = self._keys.groups
        summary = self._world.state.summary(room)
        if summary is None:  # this account left meanwhile: if it comes back, its devices are added again
            return await self._world.archive.read(store.cursor, room)
        inbox = await self._inbox()
        if inbox is None:
            raise UnreachableError(_("The invitation can't be fetched right now."))
        waiting = next((w for w in inbox if w.room == room and w.seq == event.seq), None)
        refused: JoinRefusedError | None = None
        if waiting is not None:
            try:
                try:
                    taken = await self._entered(groups, summary.kind, waiting, event)
                except KeyLogNeededError:
                    await self._keys.identity.catch_up()
                    taken = await self._entered(groups, summary.kind, waiting, event, key_log_read=True)
            except JoinRefusedError as error:
                refused = error
            else:
                self._stored(room, taken)
                await self._world.show(room, taken.applied)
                with suppress(ParlourClientError):  # else it is dropped at the next greeting
                    await self._world.delivery.drop_welcome(waiting.id)
                return taken.cursor
        return await self._without_welcome(groups, room, event, refused)

    async def _with_key_log(self, room: RoomId, event: LogEvent) -> Seq:
        """Read the key log to its end; then it is decided about a new key of someone."""
        await self._keys.identity.catch_up()
        return await self._without_welcome(self._keys.groups, room, event)

    async def _without_welcome(
        self, groups: Groups, room: RoomId, event: LogEvent, refused: JoinRefusedError | None = None
    ) -> Seq:
        taken = await self._world.archive.write(
            store_events,
            groups,
            room,
            [event],
            self._world.state.names_me,
            self._world.clock.now(),
            welcome_missing=True,
            refused=refused,
            key_log_read=True,
        )
        self._stored(room, taken)
        await self._world.show(room, taken.applied)
        return min(taken.cursor, event.seq)  # another program on this home may have gone on

    async def _entered(
        self,
        groups: Groups,
        kind: RoomKind,
        waiting: WaitingWelcome,
        event: LogEvent,
        *,
        key_log_read: bool = False,
    ) -> Receipt:
        """Open the Welcome off the event loop and off the archive's thread: 500 members take a while."""
        packages = await self._world.archive.read(key_packages.load)
        opened = await asyncio.to_thread(join.open_welcome, groups.own, kind, packages, waiting, event)
        return await self._world.archive.write_durably(
            _enter,
            groups,
            opened,
            event,
            self._world.state.names_me,
            self._world.clock.now(),
            key_log_read=key_log_read,
        )


def _not_logged(connection: apsw.Connection, devices: Collection[DeviceId]) -> list[DeviceId]:
    return sorted(device for device in devices if not key_log_copy.was_logged(connection, device))


def _pinned(connection: apsw.Connection) -> list[RoomId]:
    return [RoomId(str(room)) for (room,) in connection.execute("SELECT room FROM mls_rooms")]


def _pin(connection: apsw.Connection, room: RoomId, head: Seq, suite: RoomSuite) -> Seq:
    store.pin(connection, room, suite)
    row = load_room(connection, room)
    if row is not None and row.since is None:
        # The server says that the room is encrypted by now: no plaintext is accepted after its head, even if
        # the event that should say so is withheld.
        row.since = head
        save_room(connection, row)
    return store.cursor(connection, room)


def _begin(connection: apsw.Connection, room: RoomId, head: Seq, seq: Seq, suite: RoomSuite) -> Seq:
    _pin(connection, room, head, suite)
    store.begin_at(connection, room, seq)
    return store.cursor(connection, room)


def _enter(
    connection: apsw.Connection,
    groups: Groups,
    opened: OpenedWelcome,
    event: LogEvent,
    names_me: Names,
    now: Millis,
    *,
    key_log_read: bool,
) -> Receipt:
    received, concerns = join.enter(connection, groups, opened, event, now, key_log_read=key_log_read)
    receipt = Receipt([received], event.seq, concerns=concerns, moved=True)
    receipt.applied = store_items(connection, receipt.items, names_me, receipt.cursor, [event])
    return receipt
