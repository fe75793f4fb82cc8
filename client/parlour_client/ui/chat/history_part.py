"""Filling the timeline of the open room: older pages, what is missing in sight, and what is quoted.

Everything is asked for when somebody looks at it, and a late answer for a room that is no longer open is
dropped. The part that opens rooms inherits it.
"""

from collections.abc import Sequence
from typing import Final

from textual import on

from parlour_client.core.errors import ParlourClientError
from parlour_client.core.model import Entry, LinkState
from parlour_client.ui.chat.base import ChatParts
from parlour_client.ui.chat.timeline import Timeline
from parlour_client.ui.chat.timeline.holes import Hole, HoleState, Run, holes_of
from parlour_protocol.ids import RoomId, Seq

PAGE: Final = 100
PARENTS: Final = 8
"""Answered messages that are fetched for the quotes of one page: each may cost a request."""


class HistoryPart(ChatParts):
    """Pages, holes and quotes."""

    _no_parents: set[Seq]  # asked for, and not to be had; opening a room begins anew

    @property
    def _online(self) -> bool:
        return self.client.status.state is LinkState.ONLINE

    async def _holes(self, room: RoomId, entries: Sequence[Entry], before: Seq | None) -> list[Hole]:
        """Return what is missing among a page of entries, and below it where the page is the last one."""
        seqs = [entry.seq for entry in entries if entry.seq is not None]
        high = before or (Seq(seqs[-1] + 1) if seqs else None)
        if high is None:
            return []
        low = Seq(0) if len(seqs) < PAGE else Seq(seqs[0] - 1)
        return holes_of(await self.client.gaps(room, low, high), online=self._online)

    @on(Timeline.OlderWanted)
    def _page(self, event: Timeline.OlderWanted) -> None:
        room = self.current

        async def page() -> None:
            if room is not None:
                try:
                    older = await self.client.timeline(room, before=event.before, limit=PAGE)
                    holes = await self._holes(room, older, event.before)
                except ParlourClientError:
                    self.timeline.no_older()
                    raise
                if self.current == room:
                    self.timeline.prepend(older, complete=begins(older), holes=holes)
                    await self._fetch_parents()

        self.ask(page, group="page")

    @on(Timeline.HoleInSight)
    def _fill(self, event: Timeline.HoleInSight) -> None:
        room, gap = self.current, event.hole.gap

        async def fill() -> None:
            if room is None:
                return
            try:
                entries = await self.client.timeline(room, before=gap.before, limit=PAGE)
            except ParlourClientError:
                self.timeline.hole_left(event.hole, HoleState.REFUSED)
                raise
            inside = [entry for entry in entries if entry.seq is not None and entry.seq > gap.after]
            reached = inside[0].seq if inside and len(inside) == len(entries) == PAGE else None
            low = Seq(reached - 1) if reached is not None else gap.after
            left = holes_of(await self.client.gaps(room, low, gap.before), online=self._online)
            if self.current == room:
                self.timeline.merge(inside, Run(low, gap.before, tuple(left)))
                await self._fetch_parents()

        self.ask(fill, group="page")

    async def _fetch_parents(self) -> None:
        """Fetch what is answered here and stands further up, so that it can be quoted."""
        room = self.current
        if room is None:
            return
        wanted = [seq for seq in self.timeline.unknown_parents() if seq not in self._no_parents]
        found = []
        for seq in wanted[:PARENTS]:
            entry = await self.client.entry(room, seq)
            if entry is None:
                self._no_parents.add(seq)
            else:
                found.append(entry)
        if self.current == room:
            self.timeline.know_parents(found)


def begins(entries: object) -> bool:
    """Tell whether a page reaches the beginning of the room."""
    first = next(iter(entries), None) if isinstance(entries, list | tuple) else None
    return not isinstance(first, Entry) or first.seq in {None, 1}
