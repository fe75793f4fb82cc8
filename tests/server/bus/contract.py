"""What every bus promises, as tests; `test_contract.py` runs them on each implementation."""

import asyncio

import pytest

from parlour_protocol.ids import SessionId
from parlour_server.bus.interface import Bus, Notice, SessionsEnded


def notice(number: int) -> SessionsEnded:
    """Return a notice that can be told from the others."""
    return SessionsEnded(frozenset({SessionId(f"{number:022d}")}))


class BusContract:
    """Subclass it with a fixture ``bus`` that gives an open bus."""

    async def told(self, heard: list[Notice], count: int) -> None:
        """Wait until so many notices are heard."""
        async with asyncio.timeout(5):
            while len(heard) < count:
                await asyncio.sleep(0)

    async def test_a_publisher_hears_its_own_notices(self, bus: Bus):
        """What is published comes back to the publisher's own subscribers."""
        heard: list[Notice] = []
        bus.subscribe(heard.append)
        bus.publish(notice(1))
        await self.told(heard, 1)
        assert heard == [notice(1)]

    async def test_all_subscribers_hear_everything_in_the_publishers_order(self, bus: Bus):
        """Several subscribers, one order."""
        first: list[Notice] = []
        second: list[Notice] = []
        bus.subscribe(first.append)
        bus.subscribe(second.append)
        for number in range(100):
            bus.publish(notice(number))
        await self.told(second, 100)
        assert first == second == [notice(number) for number in range(100)]

    async def test_who_subscribes_later_hears_from_then_on(self, bus: Bus):
        """A bus keeps nothing for those who come late."""
        early: list[Notice] = []
        late: list[Notice] = []
        bus.subscribe(early.append)
        bus.publish(notice(1))
        await self.told(early, 1)
        bus.subscribe(late.append)
        bus.publish(notice(2))
        await self.told(late, 1)
        assert late == [notice(2)]

    async def test_a_handler_that_raises_harms_neither_publisher_nor_others(
        self, bus: Bus, caplog: pytest.LogCaptureFixture
    ):
        """One line in the log, without the error's text; everybody else is told."""
        heard: list[Notice] = []

        def broken(_: Notice) -> None:
            raise ValueError("canary")

        bus.subscribe(broken)
        bus.subscribe(heard.append)
        bus.publish(notice(1))
        bus.publish(notice(2))
        await self.told(heard, 2)
        assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
        assert "canary" not in caplog.text

    async def test_a_notice_published_by_a_handler_comes_after_the_one_it_answers(self, bus: Bus):
        """Every subscriber sees one order, also when a handler publishes."""
        heard: list[Notice] = []

        def answering(told: Notice) -> None:
            if told == notice(1):
                bus.publish(notice(2))

        bus.subscribe(answering)
        bus.subscribe(heard.append)
        bus.publish(notice(1))
        await self.told(heard, 2)
        assert heard == [notice(1), notice(2)]

    async def test_a_closed_bus_tells_nobody(self, bus: Bus):
        """After close, publishing is harmless and heard by none."""
        heard: list[Notice] = []
        bus.subscribe(heard.append)
        await bus.close()
        bus.publish(notice(1))
        await asyncio.sleep(0)
        assert heard == []
