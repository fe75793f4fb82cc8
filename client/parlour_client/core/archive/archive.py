"""The archive as the rest of the core sees it: one object, its calls awaited, its work on one thread.

It refuses a file whose key does not fit. It never writes anything in plain form: settings and the session
token lie inside as well. The client and the sign-in open it.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import apsw

from parlour_client.core.archive import (
    events,
    insertion,
    known_rooms,
    outbox_table,
    people,
    pinned_messages,
    retention,
    search,
    threads,
)
from parlour_client.core.archive.database import Database
from parlour_client.core.archive.events import Window
from parlour_client.core.archive.insertion import Applied
from parlour_client.core.archive.key import Key, open_key
from parlour_client.core.archive.known_rooms import Choice, Choices, KnownRoom
from parlour_client.core.archive.outbox_table import Beside, Outgoing
from parlour_client.core.model import Entry, Gap, Note, Thread, Version
from parlour_client.core.search_query import Query
from parlour_protocol.frames import AnyRequest, LogEvent, RoomSummary
from parlour_protocol.ids import Millis, RequestId, RoomId, Seq
from parlour_protocol.names import UserName
from parlour_protocol.secret import Secret

P = ParamSpec("P")
T = TypeVar("T")


class Archive:
    """One open archive."""

    def __init__(self, database: Database, key: Key) -> None:
        """Take an open database; use ``Archive.open``."""
        self._database = database
        self.key = key

    @classmethod
    async def open(cls, archive: Path, key_file: Path, passphrase: Secret | None = None) -> "Archive":
        """Open it, or make it. Raises ArchiveError, PassphraseNeededError."""
        key = await asyncio.to_thread(open_key, key_file, passphrase)
        return cls(await Database.open(archive, key.raw), key)

    async def close(self) -> None:
        """Finish what is queued and close."""
        await self._database.close()

    # for the parts of encryption, whose functions over a connection lie in ``core.e2ee``
    async def look(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run ``call(connection, …)`` that only reads."""
        return await self._database.read(call, *args, **kwargs)

    async def run(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run it in one transaction."""
        return await self._database.write(call, *args, **kwargs)

    async def run_durably(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run it in one transaction that is on the disk when this returns."""
        return await self._database.write_durably(call, *args, **kwargs)

    # history
    async def add(self, new: Sequence[LogEvent], mentions: Sequence[bool], top: Seq) -> list[Applied]:
        """Store events of one room; returns the ones that were new."""
        return await self._database.write(insertion.add, new, mentions, top)

    async def below(self, room: RoomId, before: Seq, limit: int, *, over_holes: bool = False) -> Window:
        """Return the newest rows of the timeline under ``before``."""
        return await self._database.read(events.below, room, before, limit, over_holes=over_holes)

    async def above(
        self, room: RoomId, after: Seq, limit: int, *, over_holes: bool = False
    ) -> tuple[Sequence[LogEvent], Seq | None]:
        """Return events over ``after``, and the one after which some are missing."""
        return await self._database.read(events.above, room, after, limit, over_holes=over_holes)

    async def shown(self, room: RoomId, seqs: Sequence[Seq]) -> Sequence[Entry]:
        """Return these entries of the timeline."""
        return await self._database.read(events.shown, room, seqs)

    async def trouble_of(self, room: RoomId, seq: Seq) -> str:
        """Return why an event cannot be read; empty for what was read, and for what is not here."""
        return await self._database.read(events.trouble_of, room, seq)

    async def note_at(self, room: RoomId, seq: Seq) -> Note | None:
        """Return what this client says at an event."""
        return await self._database.read(events.note_at, room, seq)

    async def counts(self, room: RoomId, read: Seq, me: str) -> tuple[int, int]:
        """Return unread messages and mentions."""
        return await self._database.read(events.counts, room, read, me)

    async def set_floor(self, room: RoomId, floor: Seq) -> None:
        """Note that the server has nothing at or below ``floor``."""
        await self._database.write(events.set_floor, room, floor)

    async def forget(self, room: RoomId | None, before: Millis | None) -> Sequence[RoomId]:
        """Forget messages, on the disk too when this returns; return the rooms that lost some."""
        changed = await self._database.write_durably(retention.forget, room, before)
        if changed:
            await self._database.shorten_log()
        return changed

    async def search(self, query: Query, me: UserName, limit: int) -> Sequence[Entry]:
        """Find messages, newest first."""
        return await self._database.read(search.search, query, me, limit)

    async def gaps(self, room: RoomId, after: Seq, before: Seq) -> Sequence[Gap]:
        """Return which events between two are not here."""
        return await self._database.read(events.gaps, room, after, before)

    async def thread(self, room: RoomId, seq: Seq) -> Thread:
        """Return the thread of a message as far as it is here."""
        return await self._database.read(threads.thread, room, seq)

    async def pins(self, room: RoomId) -> Sequence[Entry]:
        """Return what is pinned in a room, as far as it is here."""
        return await self._database.read(pinned_messages.pins, room)

    async def versions(self, room: RoomId, seq: Seq) -> Sequence[Version]:
        """Return the texts that a message had."""
        return await self._database.read(threads.versions, room, seq)

    async def said(self, user: UserName) -> tuple[int, Entry | None]:
        """Return how many messages of somebody are here, and the newest."""
        return await self._database.read(people.said, user)

    # rooms, settings, drafts
    async def rooms(self) -> Sequence[KnownRoom]:
        """Return the rooms that the account is in."""
        return await self._database.read(known_rooms.load)

    async def save_rooms(
        self, summaries: Sequence[RoomSummary], *, all_of_them: bool = False
    ) -> dict[RoomId, Seq]:
        """Write rooms; returns the newest event that is here of each."""
        if all_of_them:
            await self._database.write(known_rooms.keep_only, [summary.room for summary in summaries])
        return await self._database.write(known_rooms.save, summaries)

    async def leave_room(self, room: RoomId) -> None:
        """Take a room off the list."""
        await self._database.write(known_rooms.leave, room)

    async def rooms_by_name(self) -> Sequence[tuple[RoomId, str]]:
        """Return all rooms that there is history of, left ones too, with their names."""
        return await self._database.read(known_rooms.names)

    async def choices(self) -> Choices:
        """Return what the person chose for rooms and people."""
        return await self._database.read(known_rooms.choices)

    async def choose(self, room: RoomId, column: Choice, *, on: bool) -> None:
        """Write a choice for a room."""
        await self._database.write(known_rooms.choose, room, column, on=on)

    async def remember_open(self, room: RoomId) -> None:
        """Write which room is open."""
        await self._database.write(known_rooms.remember_open, room)

    async def ignore(self, user: UserName, *, on: bool) -> None:
        """Write whether somebody is ignored."""
        await self._database.write(known_rooms.ignore, user, on=on)

    async def star(self, room: RoomId, seq: Seq, *, on: bool) -> None:
        """Write whether a message has a star."""
        await self._database.write(known_rooms.star, room, seq, on=on)

    async def setting(self, name: str) -> str | None:
        """Return a setting."""
        return await self._database.read(known_rooms.setting, name)

    async def set_setting(self, name: str, value: str | None) -> None:
        """Write a setting, or take it away."""
        await self._database.write_durably(known_rooms.set_setting, name, value)

    async def draft(self, room: RoomId) -> str:
        """Return what was typed and not sent."""
        return await self._database.read(known_rooms.draft, room)

    async def save_draft(self, room: RoomId, text: str) -> None:
        """Keep what was typed."""
        await self._database.write(known_rooms.save_draft, room, text)

    # outbox
    async def outgoing(self) -> Sequence[Outgoing]:
        """Return what is to be sent, in order."""
        return await self._database.read(outbox_table.load)

    async def put(
        self, room: RoomId, frames: Sequence[AnyRequest], at: Millis, beside: Beside | None = None
    ) -> Sequence[Outgoing]:
        """Queue requests, on the disk when this returns; ``beside`` writes in the same transaction."""
        return await self._database.write_durably(outbox_table.put, room, frames, at, beside)

    def acknowledge(
        self, request: RequestId, room: RoomId, seq: Seq, *, bounded: bool = False
    ) -> "asyncio.Future[outbox_table.Place]":
        """Note where a request is stored, and say what is there already. ``bounded``: keep only the newest.

        Queued when this returns, so that it is written before an event that is added later.
        """
        return self._database.submit_write(outbox_table.acknowledge, request, room, seq, bounded=bounded)

    async def set_outgoing(self, request: RequestId, state: str, problem: str = "") -> None:
        """Mark a request as queued or failed."""
        await self._database.write(outbox_table.set_state, request, state, problem)

    async def drop(self, request: RequestId) -> None:
        """Forget a request."""
        await self._database.write(outbox_table.remove, request)

    async def take_back(self, request: RequestId, *, left: bool) -> None:
        """Forget a request that the person took back; ``left``: the server may have it."""
        await self._database.write(outbox_table.take_back, request, left=left)
