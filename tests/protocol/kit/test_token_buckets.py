"""Token buckets: at the limit, one past it, and what is forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.kit.token_buckets import MINUTE, KeyedBuckets, TokenBucket


def test_the_burst_is_there_at_once_and_one_more_is_not():
    """At the limit it is granted; one past it names the wait."""
    bucket = TokenBucket(60, per=MINUTE, burst=3, now=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 1.0]


def test_the_wait_that_is_named_is_enough_and_a_moment_less_is_not():
    """Waiting the given time is enough."""
    bucket = TokenBucket(30, per=MINUTE, burst=1, now=0.0)
    assert bucket.take(0.0) == 0.0
    assert bucket.take(0.0) == 2.0
    assert bucket.take(1.999) > 0.0
    assert bucket.take(2.0) == 0.0


def test_a_long_pause_fills_no_more_than_the_burst():
    """No one saves up."""
    bucket = TokenBucket(60, per=MINUTE, burst=2, now=0.0)
    assert [bucket.take(10_000.0) for _ in range(3)][-1] > 0.0


@given(st.lists(st.floats(min_value=0.0, max_value=5.0), max_size=200))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]):
    """However the requests are spaced, the total stays under burst + rate * time."""
    bucket = TokenBucket(60, per=MINUTE, burst=5, now=0.0)
    now, granted = 0.0, 0
    for pause in pauses:
        now += pause
        granted += bucket.take(now) == 0.0
    assert granted <= 5 + now + 1e-6


def test_keys_do_not_share_a_bucket():
    """One account's flood is not another's."""
    buckets: KeyedBuckets[str] = KeyedBuckets(60, per=MINUTE, burst=1)
    assert buckets.take("eve", 0.0) == 0.0
    assert buckets.take("eve", 0.0) > 0.0
    assert buckets.take("ada", 0.0) == 0.0


def test_full_buckets_are_forgotten_and_busy_ones_are_not():
    """Memory is bounded by who was busy lately; coming back does not refill anything."""
    buckets: KeyedBuckets[int] = KeyedBuckets(60, per=MINUTE, burst=2)
    for key in range(10_000):
        buckets.take(key, key * 1.0)
    assert len(buckets) < 1_000
    buckets.take(-1, 10_000.0)
    buckets.take(-1, 10_000.0)
    buckets.sweep(10_000.5)
    assert buckets.take(-1, 10_000.5) > 0.0
