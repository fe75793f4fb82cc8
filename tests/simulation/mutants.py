"""Servers that each lack one defence: a simulation is believed only if it catches every one of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from unittest.mock import patch

from tests.simulation.log_world import LogWorld, run_logs
from tests.simulation.store import ChatDatabase, SimulatedWriter
from tests.simulation.world import World, run

from parlour_protocol.frames.replies import LogEvent, RoomSummary
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import UserName
from parlour_server.app.log.fanout import EndedMemberships, Fanout
from parlour_server.app.log.gap_filler import GapFiller
from parlour_server.app.log.position_check import PositionCheck
from parlour_server.app.log.sequencer import Sequencer
from parlour_server.app.log.stored_log import StoredLog
from parlour_server.chat.service.hub import Hub
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.store.types import AppendedEvent, AppendEvent, Decide
from parlour_server.core.connections.background_tasks import BackgroundTasks, Work
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.errors import UnavailableError
from parlour_server.core.store.engine.connection import Job, Outcome
from parlour_server.core.store.engine.writer import Writer
from parlour_server.core.store.records import SessionEnded
from parlour_server.host.journal_follower import JournalFollower

_advanced: Final = Hub.advanced
_subscribe: Final = Hub.subscribe
_journal: Final = ConnectionService.journal
_write: Final = Writer._write
_append: Final = StoredLog.append


def _nothing(*_: object, **__: object) -> None:
    """Do nothing."""


async def _no_run(_: JournalFollower) -> None:
    """Never poll."""


async def _no_check(_: PositionCheck, rooms: object = None) -> None:
    """Never check."""
    del rooms


def _take_out_of_order(self: Sequencer[LogEvent, Any], event: LogEvent) -> Sequence[LogEvent]:
    self.last = max(self.last, event.seq)
    return (event,)


def _follow_all(self: Sequencer[LogEvent, Any], event: LogEvent) -> Sequence[LogEvent]:
    due = [event, *(self._early[seq] for seq in sorted(self._early))]
    self._early = {}
    self.last = due[-1].seq
    return due


async def _fill_once(self: GapFiller[Any, Any], sequencer: Sequencer[Any, Any]) -> None:
    with suppress(UnavailableError):
        await self._read_on(sequencer)
        sequencer.filling = False


def _committed_once(self: Fanout[Any, Any], log: str, entry: LogEvent) -> None:
    sequencer = self.sequencer(log)
    if sequencer is not None and entry.seq > sequencer.last:
        _committed(self, log, entry)


_committed: Final = Fanout.committed


def _advanced_for_listeners(self: Hub, room: RoomId, seq: Seq, who: UserName | None = None) -> None:
    sequencer = self.sequencer(room)
    if sequencer is None or seq > sequencer.first:
        _advanced(self, room, seq, who)


def _subscribe_with_old_head(self: Hub, peer: ChatPeer, summary: RoomSummary) -> RoomSummary:
    _subscribe(self, peer, summary)
    return summary


def _try_once(self: BackgroundTasks, what: str, begin: Callable[[], Work], _: Callable[[], None]) -> None:
    self.start(what, begin(), _nothing)


def _journal_without_sessions(self: ConnectionService[Any], entry: object) -> None:
    if not isinstance(entry, SessionEnded):
        _journal(self, entry)


def _answer_first(self: Writer, jobs: list[Job]) -> list[Outcome]:
    return _write(self, jobs)[:1]


def _append_unheard(self: StoredLog[Any, Any, Any], event: AppendEvent, decide: Decide) -> Any:
    """Acknowledge before the commit."""
    database = self._writer.database if isinstance(self._writer, SimulatedWriter) else None
    if not isinstance(database, ChatDatabase) or event.author not in database.members(event.room):
        return _append(self, event, decide)
    future = self._writer._loop.create_future()
    _append(self, event, decide).add_done_callback(lambda done: done.exception())
    logged = LogEvent(
        room=event.room,
        seq=Seq(database.head(event.room) + 1),
        at=event.at,
        author=event.author,
        device=event.device,
        body=event.body,
    )
    future.set_result(AppendedEvent(logged))
    return future


def _entered_if_ready(self: Hub, event: LogEvent, user: UserName) -> None:
    if any(peer.ready and event.room not in peer.state.rooms for peer in self._connected.of(user)):
        self._enter_soon(event.room, user)


@dataclass(frozen=True)
class Mutant:
    """One change of a server."""

    what: str
    owner: type
    name: str
    instead: Callable[..., Any]
    first: int = 0
    """The seed at which to begin, because none before catches it."""
    play: Callable[[int], World | LogWorld] = run

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Run a block with it."""
        with patch.object(self.owner, self.name, self.instead):
            yield


MUTANTS: Final = (
    Mutant("gaps are not filled", GapFiller, "found", _nothing),
    Mutant("a gap is filled once, and not again after a failed read", GapFiller, "_fill", _fill_once, 90),
    Mutant("events are delivered in the order of their notices", Sequencer, "take", _take_out_of_order),
    Mutant("a gap between early events is ignored", Sequencer, "_follow", _follow_all),
    Mutant("memberships that end while a room is read are ignored", EndedMemberships, "note", _nothing, 60),
    Mutant("an event that comes late ends and begins no membership", Fanout, "committed", _committed_once),
    Mutant(
        "events before a room's first listener are ignored", Hub, "advanced", _advanced_for_listeners, 520
    ),
    Mutant("a summary keeps the head that was read", Hub, "subscribe", _subscribe_with_old_head, 25),
    Mutant("rooms entered during the greeting are forgotten", Hub, "_entered", _entered_if_ready, 345),
    Mutant("the journal is not polled", JournalFollower, "run", _no_run),
    Mutant("positions are not checked", PositionCheck, "check", _no_check),
    Mutant("sessions end by the bus only", ConnectionService, "journal", _journal_without_sessions, 150),
    Mutant("background tasks are tried once", BackgroundTasks, "retry_until_done", _try_once),
    Mutant("positions of followed logs are not checked", PositionCheck, "check", _no_check, play=run_logs),
    Mutant("what a followed log misses is not read", GapFiller, "found", _nothing, play=run_logs),
    Mutant("entries are published as they come", Sequencer, "take", _take_out_of_order, play=run_logs),
    Mutant("only the first write of a batch is answered", Writer, "_write", _answer_first),
    Mutant("appends are acknowledged before the commit", StoredLog, "append", _append_unheard),
)
