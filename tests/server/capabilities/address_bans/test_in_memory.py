"""Banned networks: who is in one, when a ban ends, and that a banned socket costs no TLS."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from tests.server.capabilities.proxy_protocol.proxy_headers import header_for
from tests.server.core.net.conftest import TestClock

from parlour_protocol.kit.ids import Millis
from parlour_server.capabilities.address_bans.in_memory import BannedAddresses
from parlour_server.capabilities.address_bans.store import AddressBan
from parlour_server.capabilities.proxy_protocol.balancers import Balancers
from parlour_server.core.audit import AuditEvent


def ban(network: str, expires: int | None = None) -> AddressBan:
    """Return a ban."""
    return AddressBan(ip_network(network), "", Millis(0), None if expires is None else Millis(expires))


def banning(b: Any) -> Callable[..., None]:
    """Return what bans networks at a running server, and no others, as its start and the journal do."""
    banned = BannedAddresses(b.clock)
    b.hooks.refused.append(banned.__contains__)

    def replace(*networks: str) -> None:
        banned.replace(ban(network) for network in networks)
        b.hooks.close_refused()

    return replace


@pytest.mark.parametrize(
    ("address", "is_banned"),
    [
        ("198.51.100.0", True),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8:0:5::9", True),
        ("2001:db8:0:6::9", False),
        ("::c000:207", False),  # the same number as 192.0.2.7
    ],
)
def test_who_is_in_a_banned_network(address: str, *, is_banned: bool) -> None:
    """By prefix, and of its own version of IP only."""
    banned = BannedAddresses(TestClock())
    banned.replace([ban("198.51.100.0/24"), ban("192.0.2.7/32"), ban("2001:db8:0:5::/64")])
    assert (address in banned) is is_banned


def test_a_ban_ends_by_itself() -> None:
    """Without reading anything again; a wider ban goes on."""
    clock = TestClock()
    banned = BannedAddresses(clock)
    banned.replace([ban("192.0.2.7/32", clock.millis + 1000), ban("2001:db8::/32", clock.millis + 1000)])
    assert "192.0.2.7" in banned
    clock.millis += 1000
    assert "192.0.2.7" not in banned
    banned.replace([ban("192.0.2.7/32", clock.millis - 1), ban("192.0.2.0/24")])
    assert "192.0.2.7" in banned


async def test_a_banned_address_gets_no_tls_and_no_slot(bench: Any) -> None:
    """Its socket is closed at accept, and what it has open when the ban comes; until it is lifted."""
    async with bench() as b:
        bans = banning(b)
        chatting, idle = await b.chatting(), await b.wire()
        bans("127.0.0.0/8")
        assert await chatting.rest() == b""
        assert await idle.rest() == b""
        await b.until(lambda: b.server.sockets == 0)
        over = await b.plain()
        assert await over.rest() == b""
        assert b.server.sockets == 0
        refused = {"reason": "banned", "address": "127.0.0.1"}
        assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED) == [refused]
        bans()
        await b.chatting()


async def test_a_handshake_that_began_before_the_ban_opens_nothing(bench: Any) -> None:
    """It was accepted before, and ends after."""
    async with bench() as b:
        bans = banning(b)
        plain = await b.plain()
        await b.until(lambda: b.server.sockets == 1)
        bans("127.0.0.1/32")
        await plain.writer.start_tls(b.pair.trusting_context(), server_hostname="localhost")
        assert await plain.rest() == b""
        await b.until(lambda: b.server.sockets == 0)


async def test_behind_a_balancer_the_client_is_banned_and_not_the_balancer(bench: Any) -> None:
    """The address of the PROXY header counts; a ban of the balancer's own network refuses no one else."""
    async with bench(balancer=Balancers(("127.0.0.0/8",)).reader_for) as b:
        bans = banning(b)
        bans("127.0.0.0/8", "203.0.113.0/24")
        refused = await b.plain()
        refused.send(header_for("203.0.113.7"))
        assert await refused.rest() == b""
        await b.until(lambda: b.server.sockets == 0)
        assert b.audit.of(AuditEvent.HANDSHAKE_REFUSED) == [{"reason": "banned", "address": "203.0.113.7"}]
        wire = await b.wire(before_tls=header_for("192.0.2.1"))
        assert (await wire.ask(b.request(host="evil"))).status == 421
