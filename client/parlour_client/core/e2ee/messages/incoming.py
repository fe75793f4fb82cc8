"""Incoming events of encrypted rooms: processed in order, with a Welcome before the events after it.

A room that needs a Welcome is held until it was fetched and joined, or is known to be missing, and one that
gets devices which are new here, or a new key of someone, until the key log was fetched; other rooms go on.
Without keys (a server without encryption, a failed registration) encrypted rooms are held and say so.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import apsw
from msgspec.structs import replace as replace_fields

from parlour_client.core.archive import key_log_copy
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.e2ee.groups.group_errors import JoinRefusedError, KeyLogNeededError
from parlour_client.core.e2ee.groups.group_service import GroupService
from parlour_client.core.e2ee.groups.group_store import load_room, save_room
from parlour_client.core.e2ee.groups.join import OpenedWelcome
from parlour_client.core.e2ee.groups.received import Receipt
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.messages.store import Names, StoredRun, store, store_events, store_older
from parlour_client.core.e2ee.world import World
from parlour_client.core.room_log.missing import first_of
from parlour_client.kit.errors import ParlourClientError, UnreachableError
from parlour_client.kit.language import _
from parlour_mls import KeyPackageStore
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Handshake
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, Seq
from parlour_protocol.kit.limits import PAGE_EVENTS
from parlour_protocol.rooms import RoomKind, RoomSuite

T = TypeVar("T")

_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_MAX_INBOX: Final = 50
"""Answers with Welcomes that are read: a server whose list never ends must not block the client."""


class Incoming:
    """Processes the events of all encrypted rooms."""

    def __init__(
        self,
        world: World,
        catch_up_keys: Callable[[], Awaitable[None]],
        failed: Callable[[RoomId, ParlourClientError], None],
        stored: Callable[[RoomId, StoredRun], None],
    ) -> None:
        """Call ``catch_up_keys`` to fetch what is new in the key log.

        ``failed`` is called each time that this or the joining of a room fails, ``stored`` with the outcome
        of each run of events.
        """
        self._world = world
        self._catch_up_keys = catch_up_keys
        self._failed = failed
        self._stored = stored
        self._groups: GroupService | None = None
        self._device = DeviceId("")
        self._rooms: set[RoomId] = set()
        self._joining: dict[RoomId, asyncio.Task[None]] = {}
        """What rooms that are held wait for."""
        self._looked_for: set[DeviceId] = set()
        """Devices that were added to groups and that the newest key log did not have."""

    @property
    def rooms(self) -> Sequence[RoomId]:
        """All rooms that are known to be encrypted."""
        return sorted(self._rooms)

    async def load(self) -> None:
        """Load the encrypted rooms from the archive: a room stays encrypted for ever."""
        self._rooms |= set(await self._world.archive.read(_pinned))

    def use(self, groups: GroupService | None, device: DeviceId) -> None:
        """From now on decrypt with these groups, as this device."""
        self._groups, self._device = groups, device

    # for Receiver
    def covers(self, room: RoomId) -> bool:
        """Say whether a room is encrypted."""
        return room in self._rooms

    async def take(self, room: RoomId, events: Sequence[LogEvent]) -> Sequence[Applied]:
        """Decrypt and store the next events; the rest is fetched again later."""
        groups = self._groups
        if groups is None or room in self._joining:
            if groups is None:
                self._world.catch_up.hold(room)
            return ()
        if unknown := await self._unknown(events):
            self._world.catch_up.hold(room, briefly=True)
            at = Seq(first_of(events[0]) - 1)
            self._joining[room] = asyncio.ensure_future(self._when_known(room, unknown, at))
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
        if taken.receipt.needs_welcome is not None:
            self._world.catch_up.hold(room, briefly=True)
            self._joining[room] = asyncio.ensure_future(
                self._join(room, taken.receipt.needs_welcome, self._joined)
            )
        elif taken.receipt.needs_key_log is not None:
            self._world.catch_up.hold(room, briefly=True)
            self._joining[room] = asyncio.ensure_future(
                self._join(room, taken.receipt.needs_key_log, self._with_key_log)
            )
        elif taken.receipt.cursor < events[-1].seq:
            self._world.catch_up.stand_at(room, taken.receipt.cursor)
        self._stored(room, taken)
        return taken.applied

    async def turned_on(self, event: LogEvent) -> None:
        """Mark the room as encrypted from this event on; later events go through ``take``."""
        self._rooms.add(event.room)
        if self._groups is None:
            self._world.catch_up.hold(event.room)
            return
        await self._world.archive.write(
            _begin, self._groups, event.room, event.seq, Seq(event.seq - 1), RoomSuite.X25519
        )
        self._world.catch_up.stand_at(event.room, self._world.catch_up.top(event.room))

    # at a greeting
    def pinned(self, summary: RoomSummary) -> RoomSummary:
        """Return the summary as far as it is believed: no server can make an encrypted room open again."""
        return replace_fields(summary, encrypted=True) if summary.room in self._rooms else summary

    def note(self, summaries: Sequence[RoomSummary]) -> None:
        """Note the rooms that the server says are encrypted."""
        self._rooms |= {summary.room for summary in summaries if summary.encrypted}

    async def greet(self, summaries: Sequence[RoomSummary]) -> None:
        """Let each encrypted room continue where it stopped, or begin where its Welcome leads."""
        mine = [summary for summary in summaries if summary.encrypted or summary.room in self._rooms]
        self._rooms |= {summary.room for summary in mine}
        groups = self._groups
        if groups is None:
            for summary in mine:
                self._world.catch_up.hold(summary.room)
            return
        inbox = await self._inbox() if mine else []
        for summary in mine:
            if summary.room not in self._joining:
                await self._stand(groups, summary, inbox)

    async def older(self, room: RoomId, events: Sequence[LogEvent]) -> None:
        """Store a page from below where this device began."""
        if self._groups is not None:
            await self._world.archive.write(
                store_older, self._groups, room, events, self._world.state.names_me
            )

    async def left(self, room: RoomId) -> None:
        """Stop joining a room that the account is not a member of any more, before its keys are deleted."""
        if (joining := self._joining.pop(room, None)) is not None:
            joining.cancel()
            await asyncio.gather(joining, return_exceptions=True)
            self._world.catch_up.release(room, await self._cursor(room))

    async def stop(self) -> None:
        """Stop the running tasks."""
        for task in self._joining.values():
            task.cancel()
        await asyncio.gather(*self._joining.values(), return_exceptions=True)
        self._joining.clear()

    async def _stand(
        self, groups: GroupService, summary: RoomSummary, inbox: Sequence[WaitingWelcome] | None
    ) -> None:
        room = summary.room
        cursor = await self._world.archive.write(_pin, groups, room, summary.head, summary.suite)
        if cursor == 0 and inbox is not None and summary.head > PAGE_EVENTS.value:
            # A new member can read nothing from before, so it need not fetch all of it.
            first = min((w.seq for w in inbox if w.room == room), default=Seq(summary.head + 1))
            cursor = await self._world.archive.write(
                _begin, groups, room, summary.head, Seq(first - 1), summary.suite
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
                page = await self._world.delivery.welcomes(self._device)
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

    async def _when_known(self, room: RoomId, devices: Sequence[DeviceId], at: Seq) -> None:
        """Fetch the key log, then let the room continue: a device that is not there is reported.

        It continues after ``at``, where it stood: what another program on this home has processed meanwhile
        is still to be shown here.
        """
        await self._retried(room, self._catch_up_keys)
        self._looked_for.update(devices)
        del self._joining[room]
        self._world.catch_up.release(room, at)

    async def _cursor(self, room: RoomId) -> Seq:
        groups = self._groups
        return Seq(0) if groups is None else await self._world.archive.read(groups.cursor, room)

    # joining
    async def _join(
        self, room: RoomId, event: LogEvent, work: Callable[[RoomId, LogEvent], Awaitable[Seq]]
    ) -> None:
        """Try until the Welcome was used or is useless, and the key log was read; then let the room go on."""
        cursor = await self._retried(room, lambda: work(room, event))
        del self._joining[room]
        self._world.catch_up.release(room, cursor)

    async def _retried(self, room: RoomId, work: Callable[[], Awaitable[T]]) -> T:
        wait = _FIRST_WAIT
        while True:
            try:
                return await work()
            except ParlourClientError as error:  # also a full disk, or another program that writes for long
                self._failed(room, error)
                self._world.catch_up.hold(room)  # for longer: the other rooms do not wait for this one
                await self._world.clock.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    async def _joined(self, room: RoomId, event: LogEvent) -> Seq:
        groups = self._groups
        if groups is None:
            raise ParlourClientError(_("This device has no keys right now."))
        summary = self._world.state.summary(room)
        if summary is None:  # this account left meanwhile: if it comes back, its devices are added again
            return await self._world.archive.read(groups.cursor, room)
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
                    await self._catch_up_keys()
                    taken = await self._entered(groups, summary.kind, waiting, event, key_log_read=True)
            except JoinRefusedError as error:
                refused = error
            else:
                self._stored(room, taken)
                await self._world.show(room, taken.applied)
                with suppress(ParlourClientError):  # else it is dropped at the next greeting
                    await self._world.delivery.drop_welcome(waiting.id)
                return taken.receipt.cursor
        return await self._without_welcome(groups, room, event, refused)

    async def _with_key_log(self, room: RoomId, event: LogEvent) -> Seq:
        """Read the key log to its end; then it is decided about a new key of someone."""
        await self._catch_up_keys()
        if self._groups is None:
            raise ParlourClientError(_("This device has no keys right now."))
        return await self._without_welcome(self._groups, room, event)

    async def _without_welcome(
        self, groups: GroupService, room: RoomId, event: LogEvent, refused: JoinRefusedError | None = None
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
        return min(taken.receipt.cursor, event.seq)  # another program on this home may have gone on

    async def _entered(
        self,
        groups: GroupService,
        kind: RoomKind,
        waiting: WaitingWelcome,
        event: LogEvent,
        *,
        key_log_read: bool = False,
    ) -> StoredRun:
        """Open the Welcome off the event loop and off the archive's thread: 500 members take a while."""
        keys = await self._world.archive.read(_packages)
        opened = await asyncio.to_thread(groups.open_welcome, keys, kind, waiting, event)
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


def _packages(connection: apsw.Connection) -> KeyPackageStore:
    return key_packages.load(connection)


def _pinned(connection: apsw.Connection) -> list[RoomId]:
    return [RoomId(str(room)) for (room,) in connection.execute("SELECT room FROM mls_rooms")]


def _pin(connection: apsw.Connection, groups: GroupService, room: RoomId, head: Seq, suite: RoomSuite) -> Seq:
    groups.pin(connection, room, suite)
    row = load_room(connection, room)
    if row is not None and row.since is None:
        # The server says that the room is encrypted by now: no plaintext is accepted after its head, even if
        # the event that should say so is withheld.
        row.since = head
        save_room(connection, row)
    return groups.cursor(connection, room)


def _begin(
    connection: apsw.Connection, groups: GroupService, room: RoomId, head: Seq, seq: Seq, suite: RoomSuite
) -> Seq:
    _pin(connection, groups, room, head, suite)
    groups.begin_at(connection, room, seq)
    return groups.cursor(connection, room)


def _enter(
    connection: apsw.Connection,
    groups: GroupService,
    opened: OpenedWelcome,
    event: LogEvent,
    names_me: Names,
    now: Millis,
    *,
    key_log_read: bool,
) -> StoredRun:
    received, concerns = groups.enter(connection, opened, event, now, key_log_read=key_log_read)
    receipt = Receipt([received], event.seq, concerns=concerns, moved=True)
    return StoredRun(receipt, store(connection, receipt.items, names_me, receipt.cursor, [event]))
