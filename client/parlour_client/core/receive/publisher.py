"""Updates the room list and notifies the views of events, once these can be read from the archive.

A long run of missed events is published as one change. Every writer of events calls it afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace

from parlour_client.core.archive.insertion import TOLD_ONE_BY_ONE, Applied
from parlour_client.core.events import (
    CountsChanged,
    Emit,
    EntryAdded,
    EntryChanged,
    HistoryChanged,
    RoomsChanged,
)
from parlour_client.core.outbox.outbox import Outbox
from parlour_client.core.room_log.missing import have_expired
from parlour_client.core.sync.room_store import RoomStore
from parlour_client.core.sync.state import Effect, State
from parlour_protocol.ids import RoomId


class Publisher:
    """Updates the room list and emits changes."""

    def __init__(self, state: State, rooms: RoomStore, outbox: Outbox, emit: Emit) -> None:
        self._state = state
        self._rooms = rooms
        self._outbox = outbox
        self._emit = emit

    async def publish(self, room: RoomId, applied: Sequence[Applied], *, live: bool = False) -> None:
        """Publish events of one room that were just written."""
        applied = [
            replace(effect, request=self._outbox.arrived(effect.request, effect.event)) for effect in applied
        ]
        for effect in applied:
            if have_expired(effect.event):
                self._outbox.expired(effect.event)
        effects = {self._state.apply(effect.event, mention=effect.mention) for effect in applied}
        if not live or Effect.NOTHING in effects:
            await self._rooms.recount(room)
        if len(applied) > TOLD_ONE_BY_ONE:
            self._emit(HistoryChanged(room))
        else:
            self._entries(applied)
        self._emit(RoomsChanged() if Effect.ROOM in effects else CountsChanged(room))

    def _entries(self, applied: Sequence[Applied]) -> None:
        for effect in applied:
            if effect.about is not None:
                self._emit(EntryChanged(effect.about))
            if effect.entry is None:
                continue
            if effect.entry.seq != effect.event.seq:  # an edit, a deletion, a reaction: its target changed
                self._emit(EntryChanged(effect.entry))
            elif effect.request is not None:  # this account's own event, which was shown as being sent
                self._emit(EntryChanged(replace(effect.entry, request=effect.request)))
            else:
                self._emit(EntryAdded(effect.entry))
