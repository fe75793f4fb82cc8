"""Buckets of accounts with limits of their own: as much less or more, from the next request on."""

from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.token_buckets import MINUTE
from parlour_server.core.account_buckets import AccountBuckets
from parlour_server.core.account_limits import AccountLimits

ANNA, BERT = parse_user_name("anna"), parse_user_name("bert")


def test_an_account_gets_its_own_amount_and_no_one_else() -> None:
    """Rate and burst by the same factor; what it had taken before is forgotten."""
    limits = AccountLimits()
    buckets = AccountBuckets(limits, "x", 60, per=MINUTE, burst=10)
    assert buckets.take(ANNA, 0.0, 10) == 0.0
    limits.replace([(ANNA, "x", 6), (BERT, "y", 1)])
    assert [buckets.take(ANNA, 0.0) for _ in range(2)] == [0.0, 10.0]
    assert [buckets.take(BERT, 0.0) for _ in range(11)] == [0.0] * 10 + [1.0]
    limits.replace([(ANNA, "x", 120)])
    assert [buckets.take(ANNA, 0.0, 20), buckets.take(ANNA, 0.0)] == [0.0, 0.5]
    limits.replace([])
    assert buckets.take(ANNA, 10.0, 10) == 0.0


def test_a_small_limit_still_lets_one_request_pass() -> None:
    """The burst is never less than one request takes, or it would wait for ever."""
    limits = AccountLimits()
    limits.replace([(ANNA, "x", 1)])
    buckets = AccountBuckets(limits, "x", 1000, per=MINUTE, burst=100, least_burst=32)
    assert buckets.take(ANNA, 0.0, 32) == 0.0
    assert buckets.take(ANNA, 0.0, 32) > 0.0


def test_several_servers_divide_an_own_limit() -> None:
    """Each takes the amount for all, and never more than a full bucket has."""
    limits = AccountLimits()
    limits.replace([(ANNA, "x", 6)])
    buckets = AccountBuckets(limits, "x", 60, per=MINUTE, burst=60)
    assert [buckets.take(ANNA, 0.0, times=3) for _ in range(2)] == [0.0, 0.0]
    assert buckets.take(ANNA, 0.0, times=3) > 0.0
