"""What a client writes: messages, edits, deletions, reactions; all through the outbox, never waiting.

Texts are checked before they are queued. ``Client`` inherits it; ``stored`` is how a script waits for the
server's word.
"""

from collections.abc import Sequence

from parlour_client.core.checked_text import message_text, reaction_text
from parlour_client.core.engine import Engine
from parlour_client.core.errors import SetupError
from parlour_client.core.events import EntryAdded
from parlour_client.core.model import Entry
from parlour_client.core.outbox.item import StoredAt
from parlour_protocol.frames.base import Role, RoomKind
from parlour_protocol.frames.requests import Delete, Edit, Pin, React, Send
from parlour_protocol.ids import RequestId, RoomId, Seq, new_request_id


class Writing:
    """The writing half of ``ChatClient``. A subclass gives ``_engine``."""

    @property
    def _engine(self) -> Engine:
        raise NotImplementedError

    async def send(self, room: RoomId, text: str, *, reply_to: Seq | None = None) -> Entry:
        """Queue a message; it is on disk when this returns."""
        return (await self.send_many(room, [text], reply_to=reply_to))[0]

    async def send_many(
        self, room: RoomId, texts: Sequence[str], *, reply_to: Seq | None = None
    ) -> Sequence[Entry]:
        """Queue several messages at once, in order: one write to the disk for all of them."""
        self._in_room(room, reply_to)
        frames = [
            Send(id=new_request_id(), room=room, text=message_text(text), reply_to=reply_to) for text in texts
        ]
        await self._engine.keep_room(room)
        items = await self._engine.outbox.put(frames)
        entries = [self._engine.timeline.entry_of(item) for item in items]
        for entry in entries:
            self._engine.news.emit(EntryAdded(entry))
        return entries

    async def edit(self, room: RoomId, target: Seq, text: str) -> None:
        """Queue a new text for a message of ours."""
        self._in_room(room, target)
        frame = Edit(id=new_request_id(), room=room, target=target, text=message_text(text))
        await self._engine.outbox.put([frame])

    async def delete(self, room: RoomId, target: Seq) -> None:
        """Queue a deletion."""
        self._in_room(room, target)
        await self._engine.outbox.put([Delete(id=new_request_id(), room=room, target=target)])

    async def react(self, room: RoomId, target: Seq, reaction: str, *, on: bool = True) -> None:
        """Queue a reaction, or taking it back."""
        self._in_room(room, target)
        frame = React(id=new_request_id(), room=room, target=target, reaction=reaction_text(reaction), on=on)
        await self._engine.outbox.put([frame])

    async def pin(self, room: RoomId, target: Seq, *, on: bool = True) -> RequestId:
        """Queue a pin, or taking it off. Raises SetupError where that is not this person's to do."""
        self._in_room(room, target)
        known = self._engine.state.room(room)
        if known is not None and known.kind is not RoomKind.DIRECT and known.role is Role.MEMBER:
            raise SetupError("Only moderators and owners pin messages here.", "Ask one of them.")
        frame = Pin(id=new_request_id(), room=room, target=target, on=on)
        await self._engine.outbox.put([frame])
        return frame.id

    async def stored(self, request: RequestId) -> Seq:
        """Wait until the server has it on its disk; raises when it was refused."""
        return (await self.outcome(request)).seq

    async def outcome(self, request: RequestId) -> StoredAt:
        """Wait likewise; returns also the room and the server's time."""
        return await self._engine.unless_stopped(self._engine.outbox.outcome(request))

    async def retry(self, request: RequestId) -> None:
        """Send a failed message again."""
        await self._engine.outbox.retry(request)

    async def cancel(self, request: RequestId) -> None:
        """Take back a message that is not on its way."""
        await self._engine.outbox.cancel(request)

    async def abandon(self, requests: Sequence[RequestId]) -> None:
        """Forget requests, on their way or not: a command that failed must not send them the next time."""
        await self._engine.outbox.abandon(requests)

    def _in_room(self, room: RoomId, target: Seq | None = None) -> None:
        """Refuse what goes nowhere: no member here, or the server does not have what it is about."""
        if self._engine.state.room(room) is None:
            raise SetupError("You are not in this room.", "Join it first: parlour room join NAME.")
        self._engine.numbers.require_there(room, target)
