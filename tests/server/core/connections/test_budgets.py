"""R1: floods are limited for every program, which has no line about it."""

from tests.server.core.connections.toy import Ask, Say, world

from parlour_protocol.kit.errors import TOO_FAST
from parlour_protocol.kit.token_buckets import HOUR, KeyedBuckets
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.connections.budgets import Budget


async def test_a_request_that_the_program_says_nothing_about_costs_a_message():
    """R1: the budget is the account's, over all its connections, and fills again."""
    async with world(Rates(messages_per_minute=60, message_burst=3)) as w:
        first, second, other = await w.connect("eve"), await w.connect("eve"), await w.connect("ada")
        asked = [await w.ask(client) for client in (first, second, first, second)]
        assert asked == ["ok", "ok", "ok", "rate_limited"]
        assert second.frames[-1].retry_after == 1000  # type: ignore[attr-defined]
        assert await w.ask(other) == "ok"
        w.clock.pass_seconds(1)
        assert [await w.ask(first), await w.ask(first)] == ["ok", "rate_limited"]


async def test_a_refused_request_is_not_handled():
    """R1: the program does not see it."""
    async with world(Rates(message_burst=1)) as w:
        eve = await w.connect("eve")
        handled = []
        w.toy.on_request = lambda _, request: handled.append(request.id)
        requests = [w.send(eve) for _ in range(3)]
        assert handled == requests[:1]


async def test_who_goes_on_is_disconnected():
    """R1: after so many refusals in a row; the audit log has the first and the last."""
    async with world(Rates(message_burst=1, strikes=5)) as w:
        eve = await w.connect("eve")
        for _ in range(6):
            w.send(eve)
        assert eve.ended is TOO_FAST
        assert [line["closed"] for line in w.lines("limit_hit")] == [False, True]


async def test_bytes_of_a_connection():
    """R1: few requests may be many bytes."""
    async with world(Rates(bytes_burst=32_768)) as w:
        eve = await w.connect("eve")
        asked = [await w.ask(eve, words="x" * 16_000) for _ in range(3)]
        assert asked == ["ok", "ok", "rate_limited"]


async def test_bytes_of_an_account():
    """D25: a tunnel through messages gets so many bytes, over however many connections."""
    async with world(Rates(message_bytes_burst=32_768, message_bytes_per_minute=60 * 1024)) as w:
        clients = [await w.connect("eve") for _ in range(3)]
        asked = [await w.ask(client, words="x" * 16_000) for client in clients]
        assert asked == ["ok", "ok", "rate_limited"]
        assert await w.ask(await w.connect("ada"), words="x" * 16_000) == "ok"
        w.clock.pass_seconds(16)
        assert [await w.ask(clients[2], words="x" * 16_000) for _ in range(2)] == ["ok", "rate_limited"]


async def test_bytes_of_reads_are_no_messages():
    """A read counts the bytes of its answer, and not those of the question."""
    async with world(Rates(message_bytes_burst=32_768), {Say: Budget.READ}) as w:
        eve = await w.connect("eve")
        assert [await w.ask(eve, words="x" * 16_000) for _ in range(3)] == ["ok"] * 3


async def test_free_requests_still_count_against_their_connection():
    """R1: nothing that a program says makes a request free of this one."""
    async with world(Rates(request_burst=3, message_burst=1), {Say: Budget.FREE}) as w:
        eve = await w.connect("eve")
        assert [await w.ask(eve) for _ in range(4)] == ["ok", "ok", "ok", "rate_limited"]


async def test_reads_count_for_account_and_address():
    """L26: another connection, or another account of the address, does not read more."""
    rates = Rates(read_burst=4, read_shares_per_address=2, message_burst=1)
    async with world(rates, {Ask: Budget.READ}) as w:
        accounts = [await w.connect(name) for name in ("eve", "mal", "pat")]
        other = await w.connect("ada", address="192.0.2.8")
        asked = [await w.ask(accounts[number % 2], Ask) for number in range(8)]
        assert asked == ["ok"] * 8
        assert await w.ask(accounts[2], Ask) == "rate_limited"
        assert await w.ask(other, Ask) == "ok"
        assert await w.ask(await w.connect("eve", address="192.0.2.9"), Ask) == "rate_limited"


async def test_a_programs_own_buckets_count_besides_the_message():
    """A program can add a limit, and cannot replace the kit's."""
    own: KeyedBuckets = KeyedBuckets(2, per=HOUR, burst=2)
    async with world(Rates(message_burst=3), {Ask: own}) as w:
        eve = await w.connect("eve")
        assert [await w.ask(eve, Ask) for _ in range(3)] == ["ok", "ok", "rate_limited"]
        assert await w.ask(eve) == "rate_limited"


async def test_refusals_are_counted_by_the_setting_that_allows_more():
    """What an operator should raise, without saying who was refused: each budget under its own name."""
    cases = [
        (Rates(message_burst=1), {"kind": Say}, "rates.messages_per_minute"),
        (Rates(message_bytes_burst=32_768), {"words": "x" * 16_000}, "rates.message_bytes_per_minute"),
        (Rates(message_bytes_per_day=32_768), {"words": "x" * 16_000}, "rates.message_bytes_per_day"),
        (Rates(request_burst=1), {}, "rates.requests_per_minute"),
        (Rates(bytes_burst=32_768), {"words": "x" * 16_000}, "rates.bytes_per_minute"),
        (Rates(read_burst=1), {"kind": Ask}, "rates.reads_per_minute"),
    ]
    for rates, fields, setting in cases:
        async with world(rates, {Ask: Budget.READ}) as w:
            eve = await w.connect("eve")
            asked = [await w.ask(eve, **fields) for _ in range(3)]
            assert w.hits.counts == {setting: asked.count("rate_limited")}
            assert w.service.requests.errors["rate_limited"] == w.hits.counts[setting] > 0


async def test_requests_are_counted_and_timed():
    """By kind, and from their arrival to the answer."""
    async with world(Rates()) as w:
        eve = await w.connect("eve")
        await w.ask(eve)
        await w.ask(eve, kind=Ask)
        counts = w.service.requests
        assert counts.by_kind[Say] == counts.by_kind[Ask] == 1
        assert sum(counts.seconds.counts) == 2
