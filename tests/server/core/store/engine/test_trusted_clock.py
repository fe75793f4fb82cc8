"""A clock that jumps ahead is not trusted until it has run on from there for a day."""

from parlour_protocol.kit.ids import Millis
from parlour_server.core.store.engine.trusted_clock import DAY, TrustedClock

HOUR = 3_600_000
START = Millis(1_800_000_000_000)


def looks(clock: TrustedClock, *times: int) -> TrustedClock:
    """Look at these times, in milliseconds after the start."""
    for time in times:
        clock = clock.look(Millis(START + time))
    return clock


def test_a_clock_that_is_looked_at_regularly_is_trusted() -> None:
    """Also after a pause of up to a day; it never goes back."""
    clock = looks(TrustedClock(Millis(0), Millis(0)), 0, HOUR, HOUR + DAY)
    assert clock.trusted == START + HOUR + DAY
    assert looks(clock, 0).trusted == clock.trusted


def test_a_jump_ahead_is_held_for_a_day_of_looks() -> None:
    """Then it was no jump, or nobody corrected it."""
    clock = looks(TrustedClock(Millis(0), Millis(0)), 0, 90 * DAY)
    assert clock.trusted == START
    assert clock.is_held
    clock = looks(clock, *(90 * DAY + n * HOUR for n in range(1, 24)))
    assert clock.trusted == START
    assert looks(clock, 91 * DAY).trusted == START + 91 * DAY


def test_a_second_jump_does_not_shorten_the_wait() -> None:
    """One look counts for an hour at most."""
    clock = looks(TrustedClock(Millis(0), Millis(0)), 0, 90 * DAY, 180 * DAY, 270 * DAY)
    assert clock.trusted == START
    assert clock.held == 2 * HOUR


def test_going_back_ends_the_wait() -> None:
    """Nothing was removed, and the time after the jump does not count later."""
    clock = looks(TrustedClock(Millis(0), Millis(0)), 0, 90 * DAY, 90 * DAY + HOUR, 2 * HOUR)
    assert (clock.trusted, clock.held) == (START + 2 * HOUR, 0)
