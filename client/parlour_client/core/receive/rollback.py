"""Detects at the greeting that a server's history was rolled back, before anything of it is accepted.

Another incarnation of the logs (a restored backup), or a head below the one known here (a copied folder),
starts a comparison with the server until it is clear where the histories diverge. What the server lost stays
here, a row says so, and the server's numbers are translated from then on.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import apsw

from parlour_client.core.archive import Archive, divergence
from parlour_client.core.archive.divergence import Divergence, Known, Returned
from parlour_client.core.archive.known_rooms import numberings
from parlour_client.core.archive.stored_values import setting
from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.events import Emit, HistoryReplaced, HistoryWithheld
from parlour_client.core.receive.receiver import Publisher
from parlour_client.core.room_log.expiry import Expiry
from parlour_client.core.room_log.missing import have_expired
from parlour_client.core.room_log.numbering import DivergenceSearch
from parlour_client.core.room_log.translation import Numbers, event_here
from parlour_client.core.sync.catch_up import fetch
from parlour_client.core.transport.chat_conversation import ChatConversation
from parlour_client.kit.account.profile import Account
from parlour_client.kit.clock import Clock
from parlour_client.kit.errors import RefusedError, ServerMisbehavedError
from parlour_client.kit.language import N_
from parlour_protocol.frames import AnyBody, Hello, LogEvent, RoomSummary
from parlour_protocol.frames.bodies import Unreadable
from parlour_protocol.frames.requests import History
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Incarnation, Millis, Seq, new_request_id
from parlour_protocol.kit.limits import PAGE_EVENTS

_MOST_PAGES: Final = 64
"""Pages for one room: halving never takes more, whatever the numbers are."""


_NO_COMPARISON: Final = N_("The server's history can't be compared with this device's.")


class Rollback:
    """Finds where the server's histories diverge from those in the archive."""

    def __init__(
        self,
        archive: Archive,
        account: Account,
        names_me: Callable[[AnyBody], bool],
        numbers: Numbers,
        e2ee: E2ee,
        publisher: Publisher,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._archive = archive
        self._me = account.user, account.device
        self._names_me = names_me
        self._e2ee = e2ee
        self._publisher = publisher
        self._clock = clock
        self._emit = emit
        self.numbers = numbers
        self.incarnation: Incarnation | None = None
        """Of the logs that everything here was compared with last; None: before the first greeting."""
        self.exchanged = False
        """The last greeting was of other logs than the one before."""
        self._found: list[Divergence] = []
        """Where histories parted, until views were told."""
        self._restored: list[RoomId] = []
        """Rooms in which lost events are the server's again, until views were told."""
        self._shorter: list[RoomId] = []
        """Rooms of which the server lost only what was never here, until views were told."""

    async def load(self) -> None:
        """Load the archive's numberings."""
        self.numbers.know(await self._archive.read(numberings))
        met = await self._archive.read(setting, divergence.INCARNATION)
        self.incarnation = None if met is None else Incarnation(met)

    async def greet(self, conversation: ChatConversation, hello: Hello) -> Sequence[RoomId]:
        """Compare what must be compared, and make the conversation use our numbers.

        Returns the rooms that were rolled back and of which no view was notified yet. Raises
        UnreachableError, ServerMisbehavedError.
        """
        self.exchanged = self.incarnation is not None and self.incarnation != hello.incarnation
        known = await self._archive.read(divergence.known)
        self.numbers.know({room: logs.numbers for room, logs in known.items()})
        stale = [summary for summary in hello.rooms if is_stale(hello, summary, known.get(summary.room))]
        found = []
        if stale:
            shared = await conversation.first(self._compared(conversation, stale, known))
            for room, (number, returned) in shared.items():
                made = await self._archive.write_durably(self._fork, room, number, known[room], hello.now)
                if made is not None:
                    self.numbers.know({room: made.numbers})
                    found.append(made)
                if returned is not None:
                    numbers = self.numbers.of(room)
                    back = await self._archive.write_durably(divergence.take_back, room, numbers, returned)
                    self.numbers.know({room: back})
                    self._restored.append(room)
        await self._claims(hello, known, {fork.room for fork in found})
        if self.exchanged:
            await self._archive.write_durably(self._e2ee.note_exchange)
        await self._archive.write(
            divergence.met, hello.incarnation, [summary.room for summary in hello.rooms]
        )
        self.incarnation = self.numbers.incarnation = hello.incarnation
        conversation.numbers = self.numbers
        self._found += found
        return [fork.room for fork in self._found]

    async def publish(self) -> None:
        """Notify the views of what was found, after the greeting was processed."""
        while self._restored:
            self._emit(HistoryReplaced(self._restored.pop()))
        while self._shorter:
            self._emit(HistoryWithheld(self._shorter.pop(), divergence.words(0)))
        while self._found:
            fork = self._found.pop(0)
            await self._publisher.publish(fork.room, fork.applied)

    async def _claims(self, hello: Hello, known: dict[RoomId, Known], reported: Collection[RoomId]) -> None:
        """Note rooms of which the server has less than it said before; those that have a row are ``told``."""
        heads = {summary.room: self.numbers.of(summary.room).head(summary.head) for summary in hello.rooms}
        less = {room: head for room, head in heads.items() if room in known and known[room].claimed > head}
        if less:
            await self._archive.write(divergence.claims, less)
            self._shorter += [room for room in less if room not in reported]

    async def _compared(
        self,
        conversation: ChatConversation,
        rooms: Sequence[RoomSummary],
        known: dict[RoomId, Known],
    ) -> dict[RoomId, tuple[Seq, Returned | None]]:
        shared: dict[RoomId, tuple[Seq, Returned | None]] = {}
        for summary in rooms:
            try:
                number = await self._shared(conversation, summary, known[summary.room])
                returned = await self._returned(conversation, summary, number, known[summary.room])
                shared[summary.room] = number, returned
            except RefusedError:  # removed from the room in the meantime
                continue
        return shared

    async def _shared(self, conversation: ChatConversation, summary: RoomSummary, known: Known) -> Seq:
        """Return the server's last number up to which both histories are the same."""
        hidden, gone = False, Seq(0)
        now = self._clock.now()  # the server's would let it say that everything is old
        expiry = Expiry.of(summary.retention, now)
        here = await self._archive.read(divergence.numbers_here, summary.room, known, summary.head)
        search = DivergenceSearch(here, PAGE_EVENTS.value)
        for _ in range(_MOST_PAGES):
            if (end := search.ask) is None:
                break
            before = Seq(end + 1)
            ask = History(id=new_request_id(), room=summary.room, before=before, limit=PAGE_EVENTS.value)
            answer = await fetch(conversation, ask, expiry)
            removed = max((shown.seq for shown in answer if have_expired(shown)), default=Seq(0))
            old = max((number for number in here if number <= removed), default=Seq(0))
            # Messages that expired meanwhile don't make it another history; the device knows their age.
            if old and not await self._has_younger(known, summary.room, old, expiry):
                gone = max(gone, old)
                here = [number for number in here if number > removed]
                search = DivergenceSearch(here, PAGE_EVENTS.value)
                continue
            page = [shown for shown in answer if _can_be_compared(shown, end)]
            if not page or page[-1].seq != end:  # it is not shown, so it proves nothing
                here, hidden = [number for number in here if number != end], True
                search = DivergenceSearch(here, PAGE_EVENTS.value)
                continue
            events = [event_here(event, known.numbers) for event in page]
            same = await self._archive.read(divergence.alike, events, self._me[0])
            alike = dict(zip((event.seq for event in page), same, strict=True))
            first = page[0].seq
            try:
                search.take(first, [alike.get(Seq(number)) for number in range(first, end + 1)])
            except ValueError as error:  # another program with this home just deleted it
                raise ServerMisbehavedError(_NO_COMPARISON) from error
        if not (search.parted or hidden or known.encrypted):  # those between are fetched when read
            return min(summary.head, known.numbers.floor(known.top))
        # Whatever could not be compared counts as different: nothing from the server is assumed to be known.
        return max(search.shared, gone, min(summary.head, known.numbers.floor(known.forgotten)))

    async def _has_younger(self, known: Known, room: RoomId, there: Seq, expiry: Expiry) -> bool:
        last = known.numbers.to_local(there)
        return await self._archive.read(divergence.has_younger, room, last, expiry.horizon)

    async def _returned(
        self, conversation: ChatConversation, summary: RoomSummary, shared: Seq, known: Known
    ) -> Returned | None:
        """Return which lost events the server has again after ``shared``; None: none."""
        returned: Returned | None = None
        if known.encrypted or known.numbers.is_plain:  # never decrypt a message twice
            return None
        for _ in range(_MOST_PAGES):
            after = Seq(shared + (0 if returned is None else returned.count))
            if after >= summary.head:
                break
            ask = History(id=new_request_id(), room=summary.room, after=after, limit=PAGE_EVENTS.value)
            page = await fetch(conversation, ask)
            if not page:
                break
            look = divergence.returning
            more = await self._archive.read(look, page, shared, known, returned, self._me[0])
            if more == returned:
                break
            returned = more
        return returned

    def _fork(
        self, connection: apsw.Connection, room: RoomId, shared: Seq, known: Known, now: Millis
    ) -> Divergence | None:
        made = divergence.diverge(connection, room, shared, known, now, self._me, self._names_me)
        if made is not None:
            self._e2ee.rolled_back(connection, made)
        return made


def is_stale(hello: Hello, summary: RoomSummary, known: Known | None) -> bool:
    """Say whether the room must be compared with the server's.

    History stored before servers had incarnations is trusted while the server has as much.
    """
    if known is None or not known.top:
        return False
    exchanged = known.incarnation is not None and known.incarnation != hello.incarnation
    return (
        exchanged
        or divergence.may_return(known, summary.head)
        or summary.head < known.numbers.floor(known.top)
    )


def _can_be_compared(event: LogEvent, end: Seq) -> bool:
    return not isinstance(event.body, Unreadable) and end - PAGE_EVENTS.value < event.seq <= end
