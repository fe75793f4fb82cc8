"""From a passphrase to a key."""

import pytest

from parlour_client.core.archive.passphrase import FLOOR, Cost, calibrated


class Machine:
    """Spends no time, and says how much it would be: so many seconds for a pass over a GiB."""

    def __init__(self, pace: float, memory: int = 1 << 40) -> None:
        self.pace, self.memory = pace, memory

    def __call__(self, cost: Cost) -> float:
        """Measure."""
        if cost.memory > self.memory:
            raise ValueError
        return self.pace * cost.operations * cost.memory / (1 << 30)


@pytest.mark.parametrize("pace", [0.05, 0.2, 0.5, 1, 2, 3])
def test_a_guess_takes_between_half_a_second_and_a_second(pace: float) -> None:
    """On fast machines and slow ones; memory grows first."""
    machine = Machine(pace)
    cost = calibrated(machine)
    assert 0.5 <= machine(cost) <= 1 or cost.operations == 20
    assert cost.memory >= FLOOR.memory
    assert cost.operations >= FLOOR.operations


@pytest.mark.parametrize("machine", [Machine(50), Machine(2.7), Machine(0.1, memory=FLOOR.memory)])
def test_the_floor_holds_on_a_machine_that_is_slow_or_small(machine: Machine) -> None:
    """t=3, 64 MiB, p=4: a loaded machine does not make the passphrase cheap to guess."""
    cost = calibrated(machine)
    assert cost.operations >= 3
    assert cost.memory >= 64 << 20
    assert cost.lanes >= 4
    assert cost.memory <= machine.memory
