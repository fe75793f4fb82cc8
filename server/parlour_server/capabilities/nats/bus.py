"""The bus of several servers: NATS, at most once, and nothing depends on it.

A connection that is lost, or silent for too long, is given up, and another one is tried until one stands;
whatever that costs in notifications is reported by ``on_loss``, as are those that a slow server dropped and
those that came before a subject was listened to. What waits to be sent is bounded: the oldest is dropped. The
library's own reconnection is not used: it ends for good when credentials are refused once.
"""

import asyncio
import random
import ssl
from asyncio import Task
from collections import deque
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import inf
from secrets import token_hex
from typing import Any, Final

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport

from parlour_protocol.kit.token_buckets import MINUTE, TokenBucket
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.notice_codec import NoticeCodec, UnreadableNoticeError
from parlour_server.core.bus.bus import EVERYONE, Handler, LossHandler, NoticeType
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.clock import Clock
from parlour_server.core.errors import SetupError
from parlour_server.core.output import log, log_fault, warn

_CONNECT_SECONDS: Final = 5
_SUBSCRIBE_SECONDS: Final = 30
_OPEN_SECONDS: Final = 5.0
"""``open`` waits no longer for a connection: a server also works without."""
_PROBE: Final = "probe"
"""A subject to which no one listens: publishing to it shows whether this server may publish."""
_PROBE_SECONDS: Final = 1.0
_SILENT_SECONDS: Final = 3
"""A server that has not answered for so long is given up."""
_CLOSE_SECONDS: Final = 1.0
_CANCEL_AGAIN_SECONDS: Final = 0.1
"""The library ignores a cancellation while it flushes."""
_FIRST_RETRY: Final = 0.1
_LONGEST_RETRY: Final = 2.0
_OUTBOX_BYTES: Final = 8_388_608
_SUBSCRIPTION_NOTICES: Final = 16_384
_SUBSCRIPTION_BYTES: Final = 16_777_216
_AT_ONCE: Final = 128
"""Notifications sent before others may run."""
_STAMPS: Final = 4_096
"""Notifications with several subjects that are remembered, because they may arrive once for each."""


@dataclass(slots=True)
class BusCounts:
    """Counts since the start."""

    sent: int = 0
    received: int = 0
    unsent: int = 0
    """Dropped here: too many waited, or too large."""
    unreadable: int = 0
    """Of another version, or malformed."""
    dropped: int = 0
    """Reports of the library that it dropped some, because this server was too slow."""
    connections: int = 0
    """Connections to NATS that stood."""


class NatsBus:
    """A bus over the NATS servers at an address. It needs a running event loop from ``open`` on."""

    is_shared: bool = True

    def __init__(
        self, address: NatsAddress, types: Iterable[NoticeType[Any]], *, prefix: str, clock: Clock
    ) -> None:
        """``prefix`` begins all subjects: servers with different ones have nothing to do with each other."""
        self.address = address
        self._codec = NoticeCodec(types)
        self._prefix = prefix
        self._clock = clock
        self._here = LocalBus()
        self._origin = token_hex(8).encode()
        self._numbers = count(1)
        self._outbox: deque[tuple[tuple[str, ...], bytes]] = deque()
        self._outbox_bytes = 0
        self._wanted: dict[str, int] = {EVERYONE: 1}
        self._changed: set[str] = set()
        self._work = asyncio.Event()
        self._stamps: dict[bytes, None] = {}
        self._loss_handlers: list[LossHandler] = []
        self._first = asyncio.Event()
        self._refusal: SetupError | None = None
        self._failing = False
        self._running: Task[None] | None = None
        self._warnings = TokenBucket(1, per=MINUTE, burst=1, now=clock.monotonic())
        self.counts = BusCounts()
        self.lag = inf
        """Seconds of the last probe's round trip to NATS; infinite without a connection."""

    def publish(self, notice: object) -> None:
        """Send, then call every handler of this server."""
        self.publish_elsewhere(notice)
        self._here.publish(notice)

    def publish_elsewhere(self, notice: object) -> None:
        """Send to the other servers."""
        if self._running is None:
            return
        try:
            subjects = self._codec.subjects(notice)
            data = self._codec.encode(notice, b"%b %x" % (self._origin, next(self._numbers)))
        except Exception as error:  # noqa: BLE001 - it must not be the publisher's
            log_fault("a notification", error)
            self.counts.unsent += 1
            return
        self._outbox.append((subjects, data))
        self._outbox_bytes += len(data)
        while self._outbox_bytes > _OUTBOX_BYTES:
            self._outbox_bytes -= len(self._outbox.popleft()[1])
            self.counts.unsent += 1
        self._work.set()

    def subscribe(self, handler: Handler) -> None:
        """Call ``handler`` for every notification from now on."""
        self._here.subscribe(handler)

    def listen(self, subject: str) -> None:
        """Hear of this subject."""
        self._wanted[subject] = self._wanted.get(subject, 0) + 1
        if self._wanted[subject] == 1:
            self._changed.add(subject)
            self._work.set()

    def unlisten(self, subject: str) -> None:
        """Take one ``listen`` back."""
        self._wanted[subject] -= 1
        if not self._wanted[subject]:
            del self._wanted[subject]
            self._changed.add(subject)
            self._work.set()

    def on_loss(self, handler: LossHandler) -> None:
        """Call ``handler`` whenever notifications may have been lost."""
        self._loss_handlers.append(handler)

    @property
    def waiting_bytes(self) -> int:
        """The bytes of notifications that wait to be sent."""
        return self._outbox_bytes

    @property
    def connected(self) -> bool:
        """Whether a connection to NATS stands."""
        return self.lag < inf

    async def open(self) -> None:
        """Connect, or go on trying. Raises SetupError if NATS refuses this server."""
        self._running = asyncio.get_running_loop().create_task(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(_OPEN_SECONDS):
                await self._first.wait()
        if self._refusal is not None:
            await self.close()
            raise self._refusal
        if not self.connected:
            self._note_failure("no answer")

    async def check(self) -> float:
        """Connect once, as ``open`` does, and disconnect. Return the seconds of a round trip.

        Raises SetupError if NATS does not answer, or refuses this server or its subjects.
        """
        connection = _Connection(self._prefix, self)
        try:
            return await self._establish(connection)
        except (OSError, nats.errors.Error, TimeoutError) as error:
            raise SetupError(
                f"no connection to NATS at {self.address}: {_reason(error)}. Start it, or correct bus.url; "
                "until then, servers notice each other's messages up to a second late"
            ) from error
        finally:
            await connection.close()

    async def close(self) -> None:
        """Send what waits, if that needs no waiting, and disconnect."""
        running, self._running = self._running, None
        await self._here.close()
        if running is not None:
            running.cancel()
            await asyncio.wait([running])

    async def _run(self) -> None:
        pause = _FIRST_RETRY
        while True:
            before = self.counts.connections
            try:
                await self._connection()
            except SetupError as error:
                self._refuse(error)
            except (OSError, nats.errors.Error, TimeoutError) as error:
                self._note_failure(_reason(error))
            if self.counts.connections > before:
                pause = _FIRST_RETRY
            await self._clock.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            pause = min(pause * 2, _LONGEST_RETRY)

    async def _connection(self) -> None:
        """Connect, and serve until the connection is lost. Raises what the library raises, and SetupError."""
        connection = _Connection(self._prefix, self)
        try:
            self.lag = await self._establish(connection)
            self._stands()
            await connection.until_first_ends(self._send(connection), self._probe(connection))
        finally:
            self.lag = inf
            await connection.close()

    async def _establish(self, connection: "_Connection") -> float:
        """Connect, and listen to all that is wanted; return the seconds of a round trip. Raises as above."""
        await connection.connect(self.address)
        self._changed.clear()
        async with asyncio.timeout(_SUBSCRIBE_SECONDS):
            await connection.set_subjects(self._wanted, self._wanted)
        await connection.publish((_PROBE,), b"")
        lag = await connection.confirm()
        if connection.refused:
            raise SetupError(
                f"NATS at {self.address} refuses this server's subjects: "
                f"allow its user to publish and to subscribe to {self._prefix}.>"
            )
        return lag

    def _stands(self) -> None:
        self.counts.connections += 1
        self._first.set()
        if self._failing or self.counts.connections > 1:
            log("bus_connected", nats=str(self.address))
        self._failing = False
        self.report_loss(None)

    async def _send(self, connection: "_Connection") -> None:
        """Send what is published, and follow the subjects that are wanted."""
        confirming: set[str] = set()
        confirmation: Task[float] | None = None
        self._work.set()
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                changed, self._changed = self._changed, set()
                confirming |= await connection.set_subjects(changed, self._wanted)
                if confirming and (confirmation is None or confirmation.done()):
                    confirmation = asyncio.create_task(connection.confirm())
                    confirmation.add_done_callback(partial(self._confirmed, confirming))
                    confirming = set()
                for _ in range(_AT_ONCE):
                    if not self._outbox:
                        break
                    subjects, data = self._outbox.popleft()
                    self._outbox_bytes -= len(data)
                    self.counts.sent += 1
                    await connection.publish(subjects, data)
                if self._outbox:
                    self._work.set()
                    await asyncio.sleep(0)
        finally:
            if confirmation is not None:
                confirmation.cancel()

    def _confirmed(self, subjects: set[str], done: "Task[float]") -> None:
        """Report that these are listened to now, and were not before."""
        self._work.set()  # others may have come meanwhile
        if not done.cancelled() and done.exception() is None:
            self.report_loss(subjects)

    async def _probe(self, connection: "_Connection") -> None:
        while True:
            await self._clock.sleep(_PROBE_SECONDS)
            self.lag = await connection.round_trip()

    def receive(self, data: bytes) -> None:
        """Call every handler of this server with what another one published."""
        try:
            stamp, notice = self._codec.decode(data)
        except UnreadableNoticeError as error:
            self.counts.unreadable += 1
            if not self._warnings.take(self._clock.monotonic()):
                warn("notice_dropped", reason=str(error), consequence="what it told is found a second later")
            return
        if stamp in self._stamps or stamp.startswith(self._origin):
            return
        self._stamps[stamp] = None
        if len(self._stamps) > _STAMPS:
            del self._stamps[next(iter(self._stamps))]
        self.counts.received += 1
        self._here.publish(notice)

    def report_loss(self, subjects: Collection[str] | None) -> None:
        """Call the handlers of ``on_loss``."""
        for handler in self._loss_handlers:
            try:
                handler(subjects)
            except Exception as error:  # noqa: BLE001 - the others are called
                log_fault("lost notifications", error)

    def _refuse(self, error: SetupError) -> None:
        if not self._first.is_set():
            self._refusal = error
            self._first.set()
        self._note_failure(str(error))

    def _note_failure(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            warn(
                "bus_unreachable",
                nats=str(self.address),
                reason=reason,
                consequence="until then, servers notice each other's messages up to a second late",
            )


class _Connection:
    """One connection to NATS, until it is lost."""

    def __init__(self, prefix: str, bus: NatsBus) -> None:
        self._prefix = prefix
        self._bus = bus
        self._client = Client()
        self._lost = asyncio.Event()
        self._subscriptions: dict[str, Subscription] = {}
        self._cause: Exception | None = None
        self.refused = False
        """NATS refused a subject."""

    async def connect(self, address: NatsAddress) -> None:
        """Raise OSError, nats.errors.Error, SetupError."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._client.connect(
                    list(address.urls),
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=2 * _CONNECT_SECONDS,  # of each step
                    no_echo=True,
                    tls=address.tls,
                    tls_handshake_first=address.tls is not None,
                    error_cb=self._error,
                    closed_cb=self._closed,
                    **address.credentials(),
                )
        except TimeoutError:
            why = f"no answer within {_CONNECT_SECONDS} seconds"
            if address.tls is not None:
                why += "; if it runs, set handshake_first in the tls section of the NATS server"
            raise ConnectionError(why) from None
        except nats.errors.NoServersError:
            raise self._cause or ConnectionError("no server answers") from None
        except ssl.SSLError as error:
            raise SetupError(
                f"the TLS of NATS at {address} cannot be trusted: {_reason(error)}. Set bus.ca_file to the "
                "certificate of its CA, and handshake_first in the tls section of the NATS server"
            ) from error
        except nats.errors.Error as error:
            if "authorization" in str(error).lower():
                raise SetupError(
                    f"NATS at {address} refuses this server's credentials: check bus.credentials_file"
                ) from None
            raise

    async def set_subjects(self, subjects: Collection[str], wanted: Collection[str]) -> set[str]:
        """Subscribe to those of the subjects that are wanted, and end the others; return the new ones."""
        new: set[str] = set()
        for subject in tuple(subjects):
            if subject in wanted and subject not in self._subscriptions:
                self._subscriptions[subject] = await self._client.subscribe(
                    f"{self._prefix}.{subject}",
                    cb=self._received,
                    pending_msgs_limit=_SUBSCRIPTION_NOTICES,
                    pending_bytes_limit=_SUBSCRIPTION_BYTES,
                )
                new.add(subject)
            elif subject not in wanted and subject in self._subscriptions:
                await self._subscriptions.pop(subject).unsubscribe()
        return new

    async def publish(self, subjects: Iterable[str], data: bytes) -> None:
        """Send to each of the subjects."""
        for subject in subjects:
            await self._client.publish(f"{self._prefix}.{subject}", data)

    async def round_trip(self) -> float:
        """Return the seconds until NATS has answered. Raises TimeoutError, nats.errors.Error."""
        async with asyncio.timeout(_SILENT_SECONDS):  # the library's own does not cover all of it
            return await self._client.rtt(timeout=2 * _SILENT_SECONDS)

    async def confirm(self) -> float:
        """Return when NATS has taken everything up to here, with the seconds of a round trip.

        The library writes the ping of one round trip before what it still has to write; that of a second one
        comes after it.
        """
        await self.round_trip()
        return await self.round_trip()

    async def until_first_ends(self, *works: Any) -> None:
        """Run these until one of them ends, with its error, or the connection is lost."""
        tasks = [asyncio.ensure_future(work) for work in (*works, self._lost.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise self._cause or ConnectionError("the connection was closed")
        finally:
            running = set(tasks)
            while running:
                for task in running:
                    task.cancel()
                _, running = await asyncio.wait(running, timeout=_CANCEL_AGAIN_SECONDS)

    async def close(self) -> None:
        """Disconnect, whatever state it is in: nothing of the connection is left then."""
        try:
            with suppress(Exception):  # a connection that is lost may fail in any way
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._client.close()
        finally:
            self._abort()

    def _abort(self) -> None:
        """Close the socket without waiting for the other side to read.

        The library's `close` waits until NATS has read what was written; its socket stays open if it never
        does, and only a private attribute has it:
        https://github.com/nats-io/nats.py/blob/main/nats/src/nats/aio/client.py
        """
        transport = self._client._transport  # noqa: SLF001 - see above
        if isinstance(transport, TcpTransport) and transport._bare_io_writer is not None:  # noqa: SLF001
            transport._bare_io_writer.transport.abort()  # noqa: SLF001

    async def _received(self, message: Msg) -> None:
        self._bus.receive(message.data)

    async def _error(self, error: Exception) -> None:
        if isinstance(error, nats.errors.SlowConsumerError):
            self._bus.counts.dropped += 1
            self._bus.report_loss(None)
        elif "permissions violation" in str(error).lower():
            self.refused = True
            warn("bus_refused", reason=_reason(error))
        else:
            self._cause = error

    async def _closed(self) -> None:
        self._lost.set()


def _reason(error: BaseException) -> str:
    """Return an error's text in one line."""
    return " ".join(str(error).split()) or type(error).__name__
