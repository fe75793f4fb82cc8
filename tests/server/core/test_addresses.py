"""Names and addresses as the configuration writes them."""

import pytest

from parlour_server.core.addresses import Networks, is_loopback, is_unspecified, split_name
from parlour_server.core.errors import SetupError


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("chat.example", "chat.example", None),
        ("chat.example:443", "chat.example", 443),
        ("192.0.2.7:8443", "192.0.2.7", 8443),
        ("::1", "::1", None),
        ("2001:db8::7", "2001:db8::7", None),
        ("[::1]", "::1", None),
        ("[2001:db8::7]:443", "2001:db8::7", 443),
        ("[chat.example]", "[chat.example]", None),  # which is no host, and is refused as one
        ("chat.example:", "chat.example:", None),
    ],
)
def test_a_name_may_have_a_port_of_its_own(name: str, host: str, port: int | None) -> None:
    """The port of a load balancer; an IPv6 address has colons without one."""
    assert split_name(name) == (host, port)


def test_who_can_reach_a_host() -> None:
    """All of 127.0.0.0/8 is this machine's; a name is what it says only if it is the one reserved for it."""
    assert [is_loopback(host) for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("192.0.2.7", "::", "0.0.0.0", "chat.example")] == [False] * 4  # noqa: S104
    assert is_unspecified("0.0.0.0")  # noqa: S104 - not bound here
    assert is_unspecified("::")
    assert not is_unspecified("chat.example")
    assert is_loopback("::ffff:127.0.0.1")  # whatever Python's version says about it
    assert is_unspecified("::ffff:0.0.0.0")


def test_networks_are_read_strictly() -> None:
    """Addresses and networks; a typing error, or everyone, is refused in words."""
    named = Networks("listen.proxies", ("192.0.2.7", "10.0.0.0/8", "2001:db8::/32"))
    assert all(address in named for address in ("192.0.2.7", "10.255.0.1", "2001:db8::1"))
    assert not any(address in named for address in ("192.0.2.8", "11.0.0.1", "2001:db9::1", "::1"))
    assert "127.0.0.1" not in Networks("listen.proxies", ())
    for wrong in ("10.0.0.1/8", "balancer.example", "10.0.0.0/33", "", "0.0.0.0/0", "::/0"):
        with pytest.raises(SetupError, match=r"listen\.proxies"):
            Networks("listen.proxies", (wrong,))
