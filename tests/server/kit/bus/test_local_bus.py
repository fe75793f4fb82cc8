"""The bus contract, on each implementation."""

from collections.abc import AsyncIterator

import pytest
from tests.server.kit.bus.bus_contract import BusContract, Ear, notice

from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.bus.local_bus import LocalBus


class TestLocalBus(BusContract):
    @pytest.fixture
    async def bus(self) -> AsyncIterator[Bus]:
        """Give an open bus of one process."""
        bus = LocalBus()
        await bus.open()
        yield bus
        await bus.close()

    async def test_it_tells_before_publish_returns(self, bus: Bus):
        """In one process there is nothing to wait for."""
        ear = Ear()
        bus.subscribe(ear)
        for count in range(1, 4):
            bus.publish(notice(count))
            assert len(ear.notices) == count
