"""Fan-out: delivers stored entries to everyone here who follows their log, in order, and once.

The store is the truth. Entries come from this process, from the bus and from the store, early, late or
repeated; a gap in their numbers is filled from the store, and what no one announced is found by comparing
positions. What a program makes of an entry is its own (``told``).
"""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Generic

from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.gap_filler import GapFiller
from parlour_server.app.log.kind import E
from parlour_server.app.log.log import Appended, log_subject
from parlour_server.app.log.sequencer import H, Sequencer
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.core.bus.bus import Bus
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.batching import BatchingWriter, Pace
from parlour_server.core.connections.error_boundary import ErrorBoundary
from parlour_server.core.connections.peer import Peer


class EndedMemberships:
    """Changes of memberships and logs while they are read from the store, so that nothing stale is used.

    A membership that ends meanwhile must not come back with what was read (S4). An entry that is appended
    meanwhile to a log without listeners reaches no one, and the first listener must get it all the same.
    """

    def __init__(self) -> None:
        self._watches: dict[UserName, list[dict[str, Seq]]] = {}
        self._heads: dict[str, Seq] = {}
        """Of logs without listeners, since there was last no watch."""

    @contextmanager
    def watching(self, user: UserName) -> Iterator[dict[str, Seq]]:
        """While the block runs, collect the numbers of entries that end a membership of ``user``."""
        ended: dict[str, Seq] = {}
        if not self._watches:
            self._heads.clear()
        watches = self._watches.setdefault(user, [])
        watches.append(ended)
        try:
            yield ended
        finally:
            # by identity: two watches with the same content are equal as dicts
            watches[:] = [other for other in watches if other is not ended]
            if not watches:
                self._watches.pop(user, None)

    def note(self, user: UserName, log: str, seq: Seq) -> None:
        """Record that entry ``seq`` ended what the user had of the log."""
        for ended in self._watches.get(user, ()):
            ended[log] = max(seq, ended.get(log, seq))

    def note_head(self, log: str, seq: Seq) -> None:
        """Record that entry ``seq`` is in a log without listeners."""
        if self._watches:
            self._heads[log] = max(seq, self._heads.get(log, seq))

    def head(self, log: str) -> Seq:
        """Return the newest entry of a log that was recorded since the current reads began."""
        return self._heads.get(log, Seq(0))


class Fanout(Generic[E, H]):
    """The logs of a kind that have listeners here, and the listeners."""

    def __init__(
        self,
        *,
        stored: StoredLog[Any, E, Any],
        told: Callable[[Sequencer[E, H] | None, E, bool], None],
        notice: Callable[[E], object] | None,
        appended: Callable[[Appended[E]], None],
        here: Callable[[], H],
        pace: Callable[[], Pace],
        loop: AbstractEventLoop,
        background: BackgroundTasks,
        bus: Bus,
    ) -> None:
        """``told`` delivers an entry to the listeners of a log, if the last argument says that it is new.

        It also gets entries that have no listener here, and late and repeated ones. ``notice`` makes what
        other servers are told of one, None: nothing. ``appended`` is called with what this server appended,
        after that. ``here`` makes what it keeps of a log with listeners, ``pace`` says when they are written
        to.
        """
        self.stored = stored
        stored.on_appended = self._tell
        self._notice = notice
        self._appended = appended
        self.ended = EndedMemberships()
        self._told = told
        self._here = here
        self._pace = pace
        self._bus = bus
        self._sequencers: dict[str, Sequencer[E, H]] = {}
        self.gaps: GapFiller[E, H] = GapFiller(
            stored=stored, offer=self.committed, loop=loop, background=background
        )

    @property
    def logs(self) -> Collection[str]:
        """The logs that have listeners here."""
        return self._sequencers.keys()

    def sequencer(self, log: str) -> Sequencer[E, H] | None:
        """Return a log's sequencer if someone here listens to it."""
        return self._sequencers.get(log)

    def _tell(self, log: str, appended: Appended[E]) -> None:
        """Tell of what this server appended: here first, then others. Never raises."""
        if appended.replay:
            return  # M6: it was told when it was stored
        for entry in (appended.entry, *appended.also):
            self.committed(log, entry)
            if self._notice is not None and self._bus.is_shared:
                self._bus.publish_elsewhere(self._notice(entry))
        with ErrorBoundary("what follows an entry"):
            self._appended(appended)

    def committed(self, log: str, entry: E) -> None:
        """Deliver an entry that is on disk; it may arrive early, late or twice. Never raises."""
        sequencer = self._sequencers.get(log)
        if sequencer is None:
            self.ended.note_head(log, entry.seq)
        if sequencer is None or entry.seq <= sequencer.last:
            with ErrorBoundary("an entry"):
                self._told(sequencer, entry, False)
            return
        for due in sequencer.take(entry):
            with ErrorBoundary("an entry", sequencer.fail):
                self._told(sequencer, due, True)
        if sequencer.has_hole:
            self.gaps.found(sequencer)

    def advanced(self, log: str, seq: Seq) -> bool:
        """Entry ``seq`` is there: read what is missing. False if no one here listened to the log then."""
        sequencer = self._sequencers.get(log)
        if sequencer is None:
            self.ended.note_head(log, seq)
        if sequencer is None or seq <= sequencer.first:
            return False
        if seq > sequencer.last:
            sequencer.announced = max(sequencer.announced, seq)
            self.gaps.found(sequencer)
        return True

    def attach(self, peer: Peer[Any], log: str, head: Seq) -> Sequencer[E, H]:
        """Deliver the log's entries to this peer from now on, at least from after ``head`` on.

        ``head`` was read while someone watched ``ended``, so that nothing is missed in between.
        """
        sequencer = self._sequencers.get(log)
        if sequencer is None:
            sequencer = Sequencer(log, head, BatchingWriter(self._pace()), self._here())
            self._sequencers[log] = sequencer
            sequencer.announced = max(head, self.ended.head(log))
            self._bus.listen(log_subject(log))
        sequencer.out.add(peer)
        if sequencer.has_hole:
            self.gaps.found(sequencer)
        return sequencer

    def detach(self, peer: Peer[Any], log: str) -> None:
        """Deliver nothing more of the log to this peer; flush first what it is to get."""
        sequencer = self._sequencers.get(log)
        if sequencer is None:
            return
        sequencer.out.discard(peer)
        if not sequencer.out.members:
            sequencer.out.close()
            del self._sequencers[log]
            self.ended.note_head(log, max(sequencer.last, sequencer.announced))
            self._bus.unlisten(log_subject(log))
            if sequencer.has_hole:  # what is missing may begin a membership of someone else here
                self.gaps.check(log, Seq(sequencer.last + 1))
