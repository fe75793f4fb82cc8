"""What every bus promises, as tests; `test_contract.py` runs them on each implementation."""

import asyncio

import pytest

from parlour_protocol.kit.ids import SessionId
from parlour_server.core.bus.bus import Bus, SessionsEnded


def notice(number: int) -> SessionsEnded:
    """Return a notification that differs from the others."""
    return SessionsEnded(frozenset({SessionId(f"{number:022d}")}))


class Ear:
    """A handler that records notifications."""

    def __init__(self) -> None:
        self.notices: list[object] = []
        self._more = asyncio.Event()

    def __call__(self, notice: object) -> None:
        self.notices.append(notice)
        self._more.set()

    async def first(self, count: int) -> list[object]:
        """Wait until this many notifications have arrived."""
        async with asyncio.timeout(60):
            while len(self.notices) < count:
                self._more.clear()
                await self._more.wait()
        return self.notices


class BusContract:
    """Subclass it with a fixture ``bus`` that gives an open bus with the kit's types of notifications."""

    async def test_it_tells_its_own_server_before_publish_returns(self, bus: Bus):
        """In one process there is nothing to wait for, whatever happens to the others."""
        ear = Ear()
        bus.subscribe(ear)
        for count in range(1, 4):
            bus.publish(notice(count))
            assert len(ear.notices) == count

    async def test_what_is_for_other_servers_does_not_come_back(self, bus: Bus):
        """A publisher that has delivered it here itself says so."""
        ear = Ear()
        bus.subscribe(ear)
        bus.publish_elsewhere(notice(1))
        bus.publish(notice(2))
        assert await ear.first(1) == [notice(2)]

    async def test_listening_is_counted_and_never_refused(self, bus: Bus):
        """Two rooms' worth of one subject end after the second."""
        for _ in range(2):
            bus.listen("room.one")
        for _ in range(2):
            bus.unlisten("room.one")
        bus.on_loss(lambda _: None)

    async def test_a_publisher_receives_its_own_notifications(self, bus: Bus):
        """What is published comes back to the publisher's own subscribers."""
        ear = Ear()
        bus.subscribe(ear)
        bus.publish(notice(1))
        assert await ear.first(1) == [notice(1)]

    async def test_all_subscribers_receive_everything_in_the_publishers_order(self, bus: Bus):
        """Several subscribers, one order."""
        ears = [Ear(), Ear()]
        for ear in ears:
            bus.subscribe(ear)
        for number in range(100):
            bus.publish(notice(number))
        for ear in ears:
            assert await ear.first(100) == [notice(number) for number in range(100)]

    async def test_a_late_subscriber_receives_later_notifications(self, bus: Bus):
        """A bus keeps nothing for those who come late."""
        early, late = Ear(), Ear()
        bus.subscribe(early)
        bus.publish(notice(1))
        await early.first(1)
        bus.subscribe(late)
        bus.publish(notice(2))
        assert await late.first(1) == [notice(2)]

    async def test_a_handler_that_raises_harms_neither_publisher_nor_others(
        self, bus: Bus, caplog: pytest.LogCaptureFixture
    ):
        """One line in the log, without the error's text; the other handlers are called."""
        ear = Ear()

        def broken(_: object) -> None:
            raise ValueError("canary")

        bus.subscribe(broken)
        bus.subscribe(ear)
        bus.publish(notice(1))
        bus.publish(notice(2))
        await ear.first(2)
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        assert "canary" not in caplog.text

    async def test_a_notice_published_by_a_handler_comes_after_the_one_it_answers(self, bus: Bus):
        """Every subscriber sees one order, also when a handler publishes."""
        ear = Ear()

        def answering(reported: object) -> None:
            if reported == notice(1):
                bus.publish(notice(2))

        bus.subscribe(answering)
        bus.subscribe(ear)
        bus.publish(notice(1))
        assert await ear.first(2) == [notice(1), notice(2)]

    async def test_a_closed_bus_delivers_nothing(self, bus: Bus):
        """After close, publishing does nothing."""
        ear = Ear()
        bus.subscribe(ear)
        await bus.close()
        bus.publish(notice(1))
        await asyncio.sleep(0)
        assert ear.notices == []
