"""The bus contract over a real NATS server, and what only several servers have: loss, and who hears what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
from tests.nats import NatsServer, server
from tests.server.core.bus.bus_contract import BusContract, Ear, notice

from parlour_protocol.kit.ids import SessionId
from parlour_server.capabilities.nats import bus as nats_bus
from parlour_server.capabilities.nats.address import NatsAddress
from parlour_server.capabilities.nats.bus import NatsBus
from parlour_server.core.bus.bus import Bus, NoticeType, SessionsEnded
from parlour_server.core.clock import SystemClock
from parlour_server.core.errors import SetupError


@dataclass(frozen=True, slots=True)
class Rang:
    """A bell rang in some places."""

    places: tuple[str, ...]
    times: int = 1


TYPES = (NoticeType(SessionsEnded, "ended"), NoticeType(Rang, "rang", lambda rang: rang.places))


class Losses:
    """Records what ``on_loss`` reports."""

    def __init__(self) -> None:
        self.found: list[Collection[str] | None] = []
        self._more = asyncio.Event()

    def __call__(self, subjects: Collection[str] | None) -> None:
        self.found.append(subjects)
        self._more.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._more.clear()
                await self._more.wait()


class FastClock(SystemClock):
    """Sleeps a twentieth of the time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 20)


@asynccontextmanager
async def node(
    prefix: str, *, at: NatsServer | None = None, types: Collection[NoticeType] = TYPES
) -> AsyncIterator[NatsBus]:
    """Open the bus of one server."""
    bus = NatsBus(NatsAddress.parse((at or server()).url), types, prefix=prefix, clock=FastClock())
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()


@pytest.fixture
def prefix() -> str:
    """Return subjects of a cluster of its own."""
    return f"parlour.{token_hex(8)}"


class TestNatsBus(BusContract):
    @pytest.fixture
    async def bus(self, prefix: str) -> AsyncIterator[Bus]:
        """Give an open bus, and another server that listens."""
        async with node(prefix) as other, node(prefix) as bus:
            other.subscribe(Ear())
            yield bus

    async def test_other_servers_get_everything_in_order(self, prefix: str):
        """And not what another cluster publishes."""
        async with node(prefix) as one, node(prefix) as two, node(f"{prefix}x") as stranger:
            ear, elsewhere = Ear(), Ear()
            two.subscribe(ear)
            stranger.subscribe(elsewhere)
            for number in range(300):
                (one.publish if number % 2 else one.publish_elsewhere)(notice(number))
            assert await ear.first(300) == [notice(number) for number in range(300)]
            await stranger_settles(stranger)
            assert elsewhere.notices == []

    async def test_a_server_hears_only_its_subjects_and_each_notification_once(self, prefix: str):
        """A notification with two subjects comes once to those that listen to both."""
        async with node(prefix) as one, node(prefix) as two:
            ear, losses = Ear(), Losses()
            two.subscribe(ear)
            two.on_loss(losses)
            for place in ("room.a", "room.b"):
                two.listen(place)
            await losses.until(lambda: {"room.a", "room.b"} <= set().union(*filter(None, losses.found)))
            one.publish(Rang(("room.c",)))
            one.publish(Rang(("room.a", "room.b"), 2))
            one.publish(Rang(("room.b",), 3))
            assert await ear.first(2) == [Rang(("room.a", "room.b"), 2), Rang(("room.b",), 3)]
            two.unlisten("room.b")
            two.listen("room.d")
            await losses.until(lambda: {"room.d"} in losses.found)
            one.publish(Rang(("room.b",), 4))
            one.publish(Rang(("room.d",), 5))
            assert (await ear.first(3))[2:] == [Rang(("room.d",), 5)]
            assert one.counts.sent == 5
            assert two.counts.received == 3

    async def test_a_subject_is_reported_as_lost_when_it_is_listened_to(self, prefix: str):
        """What was published in the moment before was not heard by anyone here."""
        async with node(prefix) as bus:
            losses = Losses()
            bus.on_loss(losses)
            bus.listen("room.a")
            await losses.until(lambda: {"room.a"} in losses.found)

    async def test_after_every_reconnection_everything_may_be_lost(self):
        """A NATS server that is killed and comes back is used again, and its subjects are listened to."""
        place = NatsServer()
        try:
            async with node("p", at=place) as one, node("p", at=place) as two:
                ear, losses = Ear(), Losses()
                two.subscribe(ear)
                two.listen("room.a")
                two.on_loss(losses)
                for times in (1, 2):
                    losses.found.clear()
                    stood = one.counts.connections
                    place.kill()
                    one.publish(Rang(("room.a",), 10 * times))  # it may come later, or never
                    place.start()
                    await losses.until(lambda: None in losses.found)
                    await until(lambda stood=stood: one.counts.connections > stood and one.connected)
                    one.publish(Rang(("room.a",), times))
                    await until(lambda times=times: Rang(("room.a",), times) in ear.notices)
        finally:
            place.close()

    async def test_a_connection_that_is_silent_is_given_up(self, monkeypatch: pytest.MonkeyPatch):
        """A NATS server that hangs, or is cut off without a word, is as good as gone."""
        monkeypatch.setattr(nats_bus, "_SILENT_SECONDS", 0.2)
        monkeypatch.setattr(nats_bus, "_CLOSE_SECONDS", 0.1)
        place = NatsServer()
        try:
            async with node("p", at=place) as bus:
                losses = Losses()
                bus.on_loss(losses)
                place.pause()
                await until(lambda: not bus.connected)
                place.resume()
                await losses.until(lambda: None in losses.found)
                assert bus.counts.connections == 2
        finally:
            place.close()

    @pytest.mark.parametrize("closing", ["ours", "lost"])
    async def test_nothing_is_left_of_a_connection_that_nats_does_not_read(
        self, monkeypatch: pytest.MonkeyPatch, closing: str
    ):
        """The library would wait until everything is written, and ignores being cancelled meanwhile."""
        monkeypatch.setattr(nats_bus, "_CLOSE_SECONDS", 0.05)
        monkeypatch.setattr(nats_bus, "_SILENT_SECONDS", 60 if closing == "ours" else 0.05)
        place = NatsServer()
        try:
            async with node("p", at=place) as bus:
                [ours] = sockets_to(place)
                large = SessionsEnded(frozenset(SessionId(f"{n:022d}") for n in range(30_000)))
                place.pause()
                for _ in range(8):
                    bus.publish(large)
                if closing == "lost":
                    await until(lambda: not bus.connected)
                    await until(lambda: ours not in sockets_to(place))
                else:
                    await until(lambda: bus.counts.sent)
                    async with asyncio.timeout(10):
                        await bus.close()
            assert ours not in sockets_to(place)
        finally:
            place.close()

    async def test_a_slow_server_knows_that_it_lost_something(
        self, prefix: str, monkeypatch: pytest.MonkeyPatch
    ):
        """The library drops what does not fit, and says so."""
        monkeypatch.setattr(nats_bus, "_SUBSCRIPTION_BYTES", 1)
        async with node(prefix) as one, node(prefix) as two:
            losses = Losses()
            two.on_loss(losses)
            one.publish(notice(1))
            await losses.until(lambda: None in losses.found)
            assert two.counts.dropped == 1

    async def test_what_waits_is_bounded_and_the_oldest_is_dropped(
        self, prefix: str, monkeypatch: pytest.MonkeyPatch
    ):
        """As long as there is no connection, memory does not grow."""
        monkeypatch.setattr(nats_bus, "_OUTBOX_BYTES", 500)
        async with node(prefix) as one, node(prefix) as two:
            ear = Ear()
            two.subscribe(ear)
            for number in range(100):
                one.publish(notice(number))
            await until(lambda: notice(99) in ear.notices)
            assert ear.notices == [notice(number) for number in range(100)][-len(ear.notices) :]
            assert one.counts.unsent == 100 - len(ear.notices) > 90

    async def test_another_versions_notifications_are_dropped(
        self, prefix: str, capsys: pytest.CaptureFixture[str]
    ):
        """Of unknown types, malformed, or with fields of the wrong type: one line in the log for all."""

        @dataclass(frozen=True)
        class Newer:
            sessions: int

        newer = (NoticeType(Newer, "ended"), NoticeType(Rang, "chimed"))
        async with node(prefix, types=newer) as one, node(prefix) as two:
            ear = Ear()
            two.subscribe(ear)
            for number in range(3):
                one.publish(Newer(number))
                one.publish(Rang(()))
            await until(lambda: two.counts.unreadable == 6)
            assert ear.notices == []
        assert capsys.readouterr().err.count("notice_dropped") <= 1

    async def test_one_that_cannot_be_sent_harms_no_one(self, prefix: str):
        """It is too large, or of a type that no one registered: this server's own handlers get it."""
        async with node(prefix) as one, node(prefix) as two:
            ours, theirs = Ear(), Ear()
            one.subscribe(ours)
            two.subscribe(theirs)
            one.publish("unregistered")
            one.publish(SessionsEnded(frozenset(SessionId(f"{n:022d}") for n in range(50_000))))
            one.publish(notice(1))
            assert await theirs.first(1) == [notice(1)]
            assert len(ours.notices) == 3
            assert one.counts.unsent == 2


class TestOpening:
    async def test_a_server_starts_without_the_bus_and_finds_it_later(self, monkeypatch: pytest.MonkeyPatch):
        """It is correct without."""
        monkeypatch.setattr(nats_bus, "_OPEN_SECONDS", 0.05)
        place = NatsServer()
        place.kill()
        bus = NatsBus(NatsAddress.parse(place.url), TYPES, prefix="p", clock=FastClock())
        losses, ear = Losses(), Ear()
        bus.on_loss(losses)
        bus.subscribe(ear)
        try:
            await bus.open()
            assert not bus.connected
            bus.publish(notice(0))
            place.start()
            await losses.until(lambda: losses.found == [None])
            assert bus.connected
            bus.publish(notice(1))
            assert ear.notices == [notice(0), notice(1)]
        finally:
            await bus.close()
            place.close()

    @pytest.mark.parametrize("line", ["ada:right", "ada:wrong", "token", ""])
    async def test_credentials_are_needed_where_nats_wants_them(self, tmp_path: Path, line: str):
        """They come from a file, and a refusal is one sentence without them."""
        place = NatsServer("authorization { user: ada, password: right }\n")
        try:
            credentials = tmp_path / "nats"
            credentials.write_text(line + "\n")
            address = NatsAddress.parse(place.url, credentials_file=credentials if line else None)
            bus = NatsBus(address, TYPES, prefix="p", clock=FastClock())
            if line == "ada:right":
                await bus.open()
                assert bus.connected
            else:
                with pytest.raises(SetupError, match="refuses this server's credentials") as refused:
                    await bus.open()
                assert "wrong" not in str(refused.value)
            await bus.close()
        finally:
            place.close()

    @pytest.mark.parametrize("denied", ["subscribe", "publish"])
    async def test_missing_rights_are_one_sentence(self, tmp_path: Path, denied: str):
        """A user that may not subscribe hears nothing, and one that may not publish tells nothing."""
        rights = f"permissions: {{ {denied}: 'other.>' }}"
        place = NatsServer(f"authorization {{ users: [ {{ user: ada, password: pw, {rights} }} ] }}\n")
        try:
            credentials = tmp_path / "nats"
            credentials.write_text("ada:pw")
            address = NatsAddress.parse(place.url, credentials_file=credentials)
            bus = NatsBus(address, TYPES, prefix="parlour.x", clock=FastClock())
            with pytest.raises(SetupError, match=r"publish and to subscribe to parlour\.x\.>"):
                await bus.open()
        finally:
            place.close()


def sockets_to(place: NatsServer) -> list[int]:
    """Return the ports from which this process is connected to a NATS server."""
    found = psutil.Process().net_connections("tcp4")
    return [one.laddr.port for one in found if one.raddr and one.raddr.port == place.port]


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, which no event tells."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.005)


async def stranger_settles(bus: NatsBus) -> None:
    """Wait until a bus has had everything that was sent to it before."""
    losses = Losses()
    bus.on_loss(losses)
    bus.listen("room.settled")
    await losses.until(lambda: losses.found)
