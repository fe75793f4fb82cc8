"""The loop of the line mode: lines in, lines out, on a core that goes on by itself.

It moves no cursor and rewrites nothing, so a screen reader, a dumb terminal and a pipe all work. What is
typed goes to the current room, a line that begins with / is a command. `parlour chat --plain` runs it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from parlour_client.core.client import Client
from parlour_client.core.errors import ParlourClientError, SetupError
from parlour_client.core.model import (
    Change,
    Delivery,
    EntryAdded,
    EntryChanged,
    LinkState,
    Room,
    StatusChanged,
)
from parlour_client.lines import read_lines
from parlour_client.plain.commands import obey
from parlour_client.plain.speech import entry_line, room_line, status_line
from parlour_protocol.errors import ParlourProtocolError

_PATIENCE: Final = 10.0


class LineMode:
    """One run of the line mode."""

    def __init__(self, client: Client, out: Callable[[str], None]) -> None:
        """Say everything through ``out``, a line at a time."""
        self.client = client
        self.current: Room | None = None
        self.over = False
        self._out = out

    def say(self, line: str) -> None:
        """Print one line, or a message of several."""
        self._out(line)

    def here(self) -> Room:
        """Return the current room. Raises SetupError."""
        if self.current is None:
            raise SetupError("You are in no room now.", "/go ROOM goes to one; /rooms lists yours.")
        return self.current

    async def begin(self) -> None:
        """Say where things stand, and go to the first room."""
        for room in self.client.rooms:
            self.say(room_line(room))
        self.current = next(iter(self.client.rooms), None)
        if self.current is not None:
            self.say(f"You write in {self.current.title}. /help says what else there is.")

    async def take(self, line: str) -> None:
        """Send a line, or do what it says; a refusal is told and nothing ends."""
        try:
            if line.startswith("/") and not line.startswith("//"):
                await obey(self, line)
            elif line.strip():
                await self.client.send(
                    self.here().id, line.removeprefix("/") if line.startswith("//") else line
                )
        except ParlourClientError as error:
            self.say(f"Not done: {error} {error.hint}".rstrip())
        except ParlourProtocolError as error:
            self.say(f"Not done: {error}")

    def hear(self, change: Change) -> None:
        """Say what a person should know of a change."""
        match change:
            case EntryAdded(entry=entry) if entry.request is None:
                self.say(entry_line(self._title(entry.room), entry))
            case EntryChanged(entry=entry) if entry.delivery is Delivery.FAILED:
                self.say(f"{self._title(entry.room)}, not sent: {entry.problem}")
            case EntryChanged(entry=entry) if entry.edited or entry.deleted:
                self.say(entry_line(self._title(entry.room), entry))
            case StatusChanged(status=status) if status.state is not LinkState.CONNECTING:
                self.say(status_line(status))
                self.over = self.over or status.state is LinkState.STOPPED
            case _:
                pass

    def _title(self, room: str) -> str:
        known = next((known for known in self.client.rooms if known.id == room), None)
        return known.title if known is not None else "a room"


async def run(client: Client, source: int = 0, out: Callable[[str], None] = print) -> int:
    """Run until the input ends or the person quits; returns the exit status."""
    mode = LineMode(client, out)
    await client.start()
    unsubscribe = client.subscribe(mode.hear)
    try:
        try:
            await client.ready(_PATIENCE)
        except ParlourClientError as error:
            if error.stops:
                raise
        await mode.begin()
        async for lines in read_lines(source):
            for line in lines:
                await mode.take(line.decode(errors="replace"))
                if mode.over:
                    break
            if mode.over:
                break
        await _let_go(client)
    finally:
        unsubscribe()
        await client.stop()
    return 0


async def _let_go(client: Client) -> None:
    """Give what was just typed a moment to get out; what does not stays in the outbox."""
    for room in client.rooms:
        for entry in await client.timeline(room.id, limit=1):
            if entry.request is not None and entry.delivery in {Delivery.QUEUED, Delivery.SENT}:
                try:
                    async with asyncio.timeout(2):
                        await client.stored(entry.request)
                except (TimeoutError, ParlourClientError):
                    return
