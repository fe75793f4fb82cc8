"""The bus contract, on the bus of one process."""

from collections.abc import AsyncIterator

import pytest
from tests.server.core.bus.bus_contract import BusContract

from parlour_server.core.bus.bus import Bus
from parlour_server.core.bus.local_bus import LocalBus


class TestLocalBus(BusContract):
    @pytest.fixture
    async def bus(self) -> AsyncIterator[Bus]:
        """Give an open bus of one process."""
        bus = LocalBus()
        await bus.open()
        yield bus
        await bus.close()
