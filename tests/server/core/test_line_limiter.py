"""L19: repeated refusals are logged at first, then counted, within limits."""

from parlour_server.core.line_limiter import (
    BURST,
    ELSEWHERE,
    FIRST,
    FIRST_OF_ACCOUNT,
    LINES_PER_SECOND,
    MOST_SOURCES,
    LineLimiter,
    Summary,
)


def test_the_first_refusals_are_logged_and_the_others_counted() -> None:
    """By kind and by address, a minute at a time."""
    repeats = LineLimiter(0.0)
    reported = [repeats.should_log("login_failed", "192.0.2.1", 1.0) for _ in range(100)]
    assert reported == [True] * FIRST + [False] * (100 - FIRST)
    assert repeats.should_log("login_failed", "192.0.2.2", 1.0)
    assert repeats.should_log("limit_hit", "192.0.2.1", 1.0)
    assert not repeats.due(59.0)
    assert repeats.due(60.0) == [Summary("login_failed", "192.0.2.1", 100 - FIRST, 60)]
    assert not repeats.due(61.0)
    assert repeats.should_log("login_failed", "192.0.2.1", 61.0)


def test_neither_log_nor_memory_is_a_strangers_to_fill() -> None:
    """From however many addresses: lines and what is kept have a bound, and no refusal is forgotten."""
    repeats = LineLimiter(0.0)
    reported = sum(
        repeats.should_log("login_failed", f"192.0.{n // 250}.{n % 250}", 0.0) for n in range(60_000)
    )
    assert reported == BURST
    assert len(repeats._logged) == MOST_SOURCES
    assert len(repeats._counted) <= MOST_SOURCES + 1
    summaries = repeats.due(60.0)
    assert len(summaries) <= MOST_SOURCES + 1
    assert reported + sum(one.count for one in summaries) == 60_000
    assert max(summaries, key=lambda one: one.count).source == ELSEWHERE
    assert not repeats._logged
    assert not repeats._counted
    steady = sum(repeats.should_log("limit_hit", str(n % 150), 60.0 + n / 100) for n in range(1000))
    assert steady <= BURST + 10 * LINES_PER_SECOND + 1


def test_what_one_account_repeats_is_counted_and_keeps_no_other_account_out() -> None:
    """Each account gets its lines, however many there are: after a restart all come at once."""
    actions = LineLimiter(0.0, first=FIRST_OF_ACCOUNT, has_caps=False)
    logged = [actions.should_log("connection_opened", "eve", 0.0) for _ in range(300)]
    assert logged == [True] * FIRST_OF_ACCOUNT + [False] * (300 - FIRST_OF_ACCOUNT)
    assert all(actions.should_log("connection_opened", f"person{number}", 0.0) for number in range(500))
    assert actions.due(60.0) == [Summary("connection_opened", "eve", 300 - FIRST_OF_ACCOUNT, 60)]
