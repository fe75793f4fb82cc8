"""The messages that the line mode has printed, so that replies name their parent and changes the change.

It keeps the beginnings of the last messages and nothing on disk. The number of a message that is not sent yet
is its place in the list of unsent ones.
"""

from collections import OrderedDict
from typing import Final

from parlour_client.core.model import Entry
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq

KEPT: Final = 2_000
"""Messages that are remembered, over all rooms."""


class PrintedMessages:
    """The last messages that were printed."""

    def __init__(self) -> None:
        self._printed: OrderedDict[tuple[RoomId, Seq], Entry] = OrderedDict()

    def remember(self, entry: Entry) -> Entry | None:
        """Remember an entry; returns its state when it was last printed."""
        if entry.seq is None:
            return None
        key = (entry.room, entry.seq)
        before = self._printed.pop(key, None)
        self._printed[key] = entry
        while len(self._printed) > KEPT:
            _ = self._printed.popitem(last=False)
        return before

    def knows(self, room: RoomId, seq: Seq) -> bool:
        """Say whether a message was printed, or its number."""
        return (room, seq) in self._printed

    def forget(self, room: RoomId) -> None:
        """Forget the messages of a room."""
        for key in [key for key in self._printed if key[0] == room]:
            del self._printed[key]

    def answered(self, entry: Entry) -> Entry | None:
        """Return this message's parent, if it is remembered."""
        return self._printed.get((entry.room, entry.reply_to)) if entry.reply_to is not None else None
