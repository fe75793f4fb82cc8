"""What inspection costs a message: requests through the connection service to a program that does nothing.

All limits are far away and nothing is stored, so that the difference is the inspectors', which run in another
process: wall time, and the CPU time of this process.
"""

import asyncio
import secrets
import time
from typing import Any, Final, cast

from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.replies import Hello
from parlour_protocol.frames.requests import Send
from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.codec import encode
from parlour_protocol.kit.errors import CloseCode
from parlour_protocol.kit.frames import Frame, Request
from parlour_protocol.kit.ids import ConnectionId, Incarnation, Millis, SessionId, new_request_id, random_id
from parlour_protocol.kit.inspect import Action, Allow, Context, Options, Part, Verdict
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.words import WordList
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_server.app.metrics import Metrics
from parlour_server.capabilities.inspection.inspection import Inspection
from parlour_server.capabilities.inspection.inspector_process import InspectorProcess
from parlour_server.capabilities.inspection.metrics import InspectionMetrics
from parlour_server.capabilities.inspection.plugins import plugin_of
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.audit import Audit
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import SteadyClock, SystemClock
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.connections.background_tasks import BackgroundTasks
from parlour_server.core.connections.connected_peers import ConnectedPeers
from parlour_server.core.connections.connection import ConnectionInfo
from parlour_server.core.connections.extensions import Extensions
from parlour_server.core.connections.service import ConnectionService
from parlour_server.core.quotas import Quotas
from parlour_server.core.store.records import TicketGrant

MESSAGES: Final = 5_000
ROUNDS: Final = 5
SENTENCE: Final = "Are you coming to lunch at 12:30? I would like to talk about the release, and more. "
SIZES: Final = (80, 2_000)
"""Characters: a usual message, and a long one."""
MOST: Final = 10**9


def allow(_part: Part, _context: Context) -> Verdict:
    """Look at nothing: the inspector of a package, for the cost of asking it."""
    return Allow()


class Nothing:
    """A program that answers every request at once."""

    budgets: Final[dict[type[Request], Any]] = {}
    audited = frozenset[str]()
    wire = WIRE

    def state(self, _peer: object) -> None:
        """Have none."""

    async def greet(self, peer: Any) -> Hello:
        """Greet as the chat does."""
        return Hello(
            server="bench",
            user=peer.user,
            device=peer.device,
            session=peer.session,
            now=Millis(0),
            incarnation=Incarnation(random_id()),
            rooms=(),
        )

    def greeted(self, peer: object) -> None:
        """Do nothing."""

    def handle(self, _peer: object, _request: Request) -> None:
        """Answer."""

    def about(self, _request: Request) -> dict[str, str | None]:
        """Say nothing."""
        return {}

    def notice(self, notice: object) -> None:
        """Do nothing."""

    def journal(self, entry: object) -> None:
        """Do nothing."""

    def closed(self, peer: object) -> None:
        """Do nothing."""


class Sink:
    """A connection whose answers are counted."""

    def __init__(self) -> None:
        user, device = parse_user_name("bench"), parse_device_name("bench")
        grant = TicketGrant(SessionId(random_id()), user, device, Millis(2**53 - 1))
        self.info = ConnectionInfo(ConnectionId(secrets.token_urlsafe(16)), grant, "127.0.0.1")
        self.answers = 0

    def send(self, frame: Frame) -> int:
        """Encode an answer, as a connection does."""
        self.answers += 1
        return len(encode(frame))

    def write(self, wire: bytes) -> None:
        """Nothing is pushed."""

    def end(self, code: CloseCode) -> None:
        """Nothing ends it before the service does."""


def rows() -> list[list[str]]:
    """Measure with none, with all shipped inspectors, and with one of a package."""
    return asyncio.run(_rows())


async def _rows() -> list[list[str]]:
    clock = SteadyClock(SystemClock())
    words = Options(words=WordList([f"word{number}" for number in range(1_000)]))
    table = []
    shipped = [(name, Action.FLAG) for name in SHIPPED]
    for size in SIZES:
        none = await _measure(None, size)
        none_wall = await _measure(None, size, cpu=False)
        process = InspectorProcess(shipped, [], words, clock, seconds=5.0)
        await process.open()
        looked = await _measure(_inspection(process, clock), size, cpu=False)
        here = await _measure(_inspection(process, clock), size)
        await process.close()
        process = InspectorProcess([], [plugin_of(allow)], words, clock, seconds=5.0)
        await process.open()
        plugin = await _measure(_inspection(process, clock), size, cpu=False)
        await process.close()
        table.append(
            [
                f"inspection, {size:,} characters",
                f"{looked - none_wall:.0f} us more with all shipped ones, {here - none:.0f} us of CPU here",
                f"{none:.1f} us with none",
                "",
                "1 ms",
                f"{plugin - none_wall:.0f} us more by an inspector of a package",
            ]
        )
    return table


def _inspection(process: InspectorProcess, clock: SteadyClock) -> Inspection:
    metrics = InspectionMetrics(Metrics(), ())
    return Inspection(process, fails_open=False, audit=Audit(), metrics=metrics, clock=clock)


async def _measure(inspection: Inspection | None, size: int, *, cpu: bool = True) -> float:
    """Return the microseconds of one message: the least of some rounds."""
    clock = SteadyClock(SystemClock())
    rates = Rates(
        messages_per_minute=MOST,
        message_burst=MOST,
        message_bytes_per_minute=MOST,
        message_bytes_per_day=MOST,
        message_bytes_burst=MOST,
        requests_per_minute=MOST,
        request_burst=MOST,
        bytes_per_minute=MOST,
        bytes_burst=MOST,
    )
    service = ConnectionService(
        cast("Any", Nothing()),
        rates=rates,
        connected=ConnectedPeers(),
        background=BackgroundTasks(),
        bus=LocalBus(),
        activity=SessionActivity(clock),
        audit=Audit(),
        clock=clock,
        quotas=Quotas(),
        extensions=Extensions(content_filter=inspection),
    )
    sink = Sink()
    service.opened(sink)
    while not sink.answers:  # noqa: ASYNC110 - one turn of the loop
        await asyncio.sleep(0)
    text, room = MessageText((SENTENCE * 30)[:size]), new_room_id()
    timer = time.process_time if cpu else time.perf_counter
    best = float("inf")
    for _ in range(ROUNDS):
        frames = [encode(Send(id=new_request_id(), room=room, text=text)) for _ in range(MESSAGES)]
        before, start = sink.answers, timer()
        for number, frame in enumerate(frames, 1):
            service.received(sink, frame)
            if inspection is not None or not cpu:
                while sink.answers < before + number:  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0)
        best = min(best, (timer() - start) / MESSAGES * 1e6)
    await service.close()
    return best
