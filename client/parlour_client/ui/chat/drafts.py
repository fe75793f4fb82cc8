"""Drafts: a draft belongs to a room, and is on disk a moment after it was typed.

A text is saved for the room that it was typed in, never for one that was opened since. After a crash at most
the last ``SOON`` is missing. All panes share one lock: a draft is read only after it was saved.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from parlour_protocol.ids import RoomId

NOWHERE: Final = RoomId("")
"""The draft that belongs to no room: the first room that is opened takes it over."""
SOON: Final = 1.0
"""Seconds after the last key until a draft is written to the archive."""
Read = Callable[[RoomId], Awaitable[str]]
Save = Callable[[RoomId, str], Awaitable[None]]


class Drafts:
    """The draft of the open room."""

    def __init__(self, save: Save, read: Read, writing: asyncio.Lock) -> None:
        self._save, self._read, self._writing = save, read, writing
        self._coming: RoomId | None = None  # being opened: further text is the end of its draft
        self._room: RoomId | None = None
        self._text = self._saved = ""
        self._aside = False

    @property
    def place(self) -> RoomId | None:
        """The room that new text belongs to; None until the first room, or ``NOWHERE``, was requested."""
        return self._room if self._room is not None else self._coming

    @property
    def room(self) -> RoomId | None:
        """The room whose draft is in the composer."""
        return self._room

    def open(self, room: RoomId | None, draft: str) -> None:
        """From now on the composer has this room's draft."""
        self._room, self._text, self._saved, self._aside = room, draft, draft, False
        self._coming = None

    def typed(self, text: str) -> bool:
        """Keep the composer's text; says whether it must be saved soon."""
        if self._aside or self._room is None:
            return False
        self._text = text
        return self._text != self._saved

    def set_aside(self) -> None:
        """Keep the draft while the composer has something else: a message that is being edited."""
        self._aside = True

    def restore(self) -> str:
        """Return the draft that was set aside; the composer has it again."""
        self._aside = False
        return self._text

    async def save(self) -> None:
        """Save what is not on disk yet."""
        room, text = self._room, self._text
        if room is not None and text != self._saved:
            self._saved = text
            await self._store(room, text)

    def leave(self, text: str, coming: RoomId | None = None) -> Awaitable[None]:
        """Save the composer's text, and belong to no room until the ``coming`` one has begun.

        It belongs to none at once; awaiting the result waits until the text is saved. Text in between is
        saved for the room that it was typed in, even if the new one never began.
        """
        self.typed(text)
        room, text = (self._room, self._text) if self._room is not None else (self._coming, text)
        unsaved = text != self._saved if self._room is not None else bool(text)
        began, self._room, self._coming, self._aside = self._room, None, coming, False
        if room is not None and unsaved:
            return self._store(room, text, after_draft=began is None)
        return self._written()

    def _store(self, room: RoomId, text: str, *, after_draft: bool = False) -> Awaitable[None]:
        async def write() -> None:
            async with self._writing:
                await self._save(room, await self._read(room) + text if after_draft else text)

        return asyncio.shield(asyncio.ensure_future(write()))

    def _written(self) -> Awaitable[None]:
        async def written() -> None:
            async with self._writing:
                pass

        return asyncio.ensure_future(written())
