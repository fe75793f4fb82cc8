"""What is being written goes with the room that it is written in, however fast rooms are opened and lost.

The chat screen inherits it: the part that opens rooms changes the place first, then shows the room.
"""

from parlour_client.ui.chat.drafts import NOWHERE
from parlour_client.ui.chat.history_part import HistoryPart
from parlour_protocol.ids import RoomId


class DraftsPart(HistoryPart):
    """The composer's text, from room to room."""

    _opening: object = None  # the opening that goes on: an older one has nothing to say any more

    async def change_place(self, room: RoomId) -> bool:
        """Leave what is written where it was written, and bring the room's draft; False: another one came.

        What was written before any room was open comes along into the first one.
        """
        self._opening = opening = object()
        nowhere, written = self.drafts.place in {None, NOWHERE}, self.composer.text
        if not nowhere:
            self.composer.put("")  # at once: what is typed from now on belongs to the new room
        await self.drafts.leave("" if nowhere else written, room)
        draft = await self.client.draft(room)  # first: a room that cannot be read keeps what is typed too
        kept = await self.client.draft(NOWHERE) if nowhere and room != NOWHERE else ""
        if self._opening is not opening:
            return False
        self._take_draft(room, draft, kept, apart=nowhere and bool(written or kept))
        if kept:
            await self.client.save_draft(NOWHERE, "")
        return True

    async def open_nowhere(self) -> None:
        """Where there is no room: what is written is a draft all the same."""
        if self.drafts.place != NOWHERE and await self.change_place(NOWHERE):
            self.drafts.typed(self.composer.text)

    def _take_draft(self, room: RoomId, draft: str, kept: str, *, apart: bool) -> None:
        """Put the room's draft before what was typed meanwhile, or ``apart`` from it, on a line above.

        ``kept`` is what was typed in no room before.
        """
        typed = kept + self.composer.text
        self.composer.put(f"{draft}\n{typed}" if apart and draft else draft + typed)
        self.drafts.begin(room, draft)
        self.drafts.typed(self.composer.text)
