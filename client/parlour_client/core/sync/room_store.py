"""The rooms of the account on disk: what a client starts with before there is a connection.

A program that follows no rooms (one that only sends) stores only those that it sends to, so that a rollback
of these is noticed.
"""

from collections.abc import Sequence
from dataclasses import replace

from parlour_client.core.archive import Archive, events, known_rooms, saved_preferences
from parlour_client.core.archive.stored_values import setting
from parlour_client.core.sync.catch_up import CAUGHT_UP, CatchUp
from parlour_client.core.sync.state import State
from parlour_protocol.frames import RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq


class RoomStore:
    """Reads and writes rooms, and counts what is unread in them."""

    def __init__(self, state: State, archive: Archive, catch_up: CatchUp, *, follow: bool) -> None:
        self._state = state
        self._archive = archive
        self._catch_up = catch_up
        self._follow = follow
        self._stored_rooms: set[RoomId] = set()

    async def load(self) -> None:
        """Load rooms and preferences from the archive."""
        await self.load_preferences()
        caught_up = Millis(int(await self._archive.read(setting, CAUGHT_UP) or 0))
        for known in await self._archive.read(known_rooms.load):
            # An encrypted room may have waited for its keys while the others were complete.
            self._catch_up.was_complete(known.summary.room, known.at)
            if known.top and not known.summary.encrypted:
                self._catch_up.was_complete(known.summary.room, caught_up)
            self._state.update(known.summary)
            self._catch_up.know({known.summary.room: known.top})
            await self._count(known.summary)

    async def load_preferences(self) -> None:
        """Load the preferences after they changed in the archive."""
        self._state.preferences = await self._archive.read(saved_preferences.load)

    async def take(self, summaries: Sequence[RoomSummary], *, all_of_them: bool = False) -> None:
        """Store rooms as the server sends them; with ``all_of_them`` every other room is removed."""
        if self._follow:
            tops = await self._archive.write(known_rooms.save, summaries, all_of_them=all_of_them)
            self._catch_up.know(tops)
            await self._load_numbers()  # new rooms have them, rooms that were left have none
        if all_of_them:
            self._state.keep_only([summary.room for summary in summaries])
        for summary in summaries:
            self._state.update(summary)
            await self._count(summary)

    async def keep(self, room: RoomId) -> None:
        """Store a room that is sent to, even in a program that follows none."""
        summary = self._state.summary(room)
        if not self._follow and room not in self._stored_rooms and summary is not None:
            self._stored_rooms.add(room)
            await self._archive.write(known_rooms.save, [summary])

    async def move_read_marker(self, room: RoomId, seq: Seq) -> None:
        """Store how far a room is read."""
        self._state.read(room, seq)
        summary = self._state.summary(room)
        if summary is not None and self._follow:
            await self._archive.write(known_rooms.save, [summary])
            await self.recount(room)

    async def leave(self, room: RoomId) -> None:
        """Remove a room; its history stays."""
        if self._follow:
            await self._archive.write(known_rooms.leave, room)
            await self._load_numbers()

    async def _load_numbers(self) -> None:
        numbers = await self._archive.read(known_rooms.numbers)
        self._state.preferences = replace(self._state.preferences, numbers=numbers)

    async def recount(self, room: RoomId) -> None:
        """Count a room's unread messages again."""
        if known := self._state.room(room):
            counts = await self._archive.read(events.counts, room, known.read, self._state.me)
            self._state.count(room, *counts)

    async def _count(self, summary: RoomSummary) -> None:
        if summary.peer == self._state.me and await self._archive.read(events.has_messages, summary.room):
            self._state.note_written(summary.room)
        if self._follow:
            await self.recount(summary.room)

    async def remember_open(self, room: RoomId) -> None:
        """Store which room is open."""
        if room != self._state.preferences.last_room:
            now = self._state.preferences
            recent = saved_preferences.recently(room, now.recent_rooms)
            self._state.preferences = replace(now, last_room=room, recent_rooms=recent)
            await self._archive.write(saved_preferences.remember_open, room)

    async def save_layout(self, layout: saved_preferences.Layout) -> None:
        """Store what the screen shows."""
        if layout != self._state.preferences.layout:
            self._state.preferences = replace(self._state.preferences, layout=layout)
            await self._archive.write(saved_preferences.save_layout, layout)
