"""The events of rooms: appends them (`append.py`), and reads pages of them (`log_pages.py`)."""

import json
from asyncio import Future
from collections.abc import Collection, Mapping
from functools import partial

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_server.chat.store.sql.rooms.append import append
from parlour_server.chat.store.sql.rooms.log_pages import DamageLog, read_page
from parlour_server.chat.store.sql.rooms.plain_append import PlainAppend, is_plain
from parlour_server.chat.store.store_part import StoreParts
from parlour_server.chat.store.types import Appended, AppendEvent, Decide, LogPage
from parlour_server.core.clock import Clock
from parlour_server.core.store.engine.connection import Connection
from parlour_server.core.store.engine.readers import Readers
from parlour_server.core.store.engine.writer import Writer


class Log:
    """The events of the rooms, numbered 1, 2, 3, … in the order of their transactions."""

    def __init__(self, writer: Writer, readers: Readers, clock: Clock, parts: StoreParts) -> None:
        """Use the store's writer and readers; ``clock`` ends sessions, ``parts`` are of capabilities."""
        self._parts = parts
        self._writer = writer
        self._readers = readers
        self._clock = clock
        self._damage = DamageLog()

    def append(self, event: AppendEvent, decide: Decide) -> "Future[Appended]":
        """Append one event and apply its effects on members, bans, topic and deleted events.

        Calls ``decide`` in the transaction. The future completes when the event is on disk: with the event,
        RefusedError (from ``decide``, or CONFLICT if the request id was used for something else) or
        UnavailableError. One caller's events keep their order. Repeating the same author, request and content
        returns the first event, with ``replay``. For ``joined`` the result has the room's summary.
        """
        within = f"room:{event.room}" if event.body.rules.within_room else None
        now = self._clock.now()
        if is_plain(event.body):
            return self._writer.submit(PlainAppend(event, decide, now, self._parts), within=within)
        write = partial(append, event=event, decide=decide, now=now, parts=self._parts)
        return self._writer.submit(write, within=within)

    async def page(
        self, room: RoomId, *, after: Seq | None, before: Seq | None, limit: int, max_bytes: int
    ) -> LogPage:
        """Return a page.

        ``after``: the ones next above; else ``before``: the ones next below; neither: the newest. At most
        ``limit`` events and ``max_bytes`` of bodies (but at least one event).
        """
        read = partial(read_page, room=room, after=after, before=before, limit=limit, max_bytes=max_bytes)
        page = await self._readers.run(read)
        self._damage.note(page.events)
        return page

    async def heads(self, rooms: Collection[RoomId]) -> Mapping[RoomId, Seq]:
        """Return the numbers of the newest events of these rooms, in one read."""
        query = "SELECT log, head FROM logs WHERE log IN (SELECT value FROM json_each(?))"

        def read(db: Connection) -> dict[RoomId, Seq]:
            return dict(db.execute(query, (json.dumps(list(rooms)),)).fetchall())

        return await self._readers.run(read)
