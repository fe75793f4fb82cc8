"""Names and addresses as the configuration writes them."""

import pytest

from parlour_server.core.addresses import (
    Networks,
    is_loopback,
    is_unspecified,
    refuse_no_origin,
    split_name,
)
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


@pytest.mark.parametrize(
    "origin",
    [
        "https://app.example.org",
        "https://app.example.org:8443",
        "https://192.0.2.7",
        "https://[2001:db8::7]:8443",
        "https://xn--mnchen-3ya.de",
        "http://localhost:8000",
        "http://127.0.0.1",
        "http://[::1]:8000",
    ],
)
def test_an_origin_as_browsers_send_it(origin: str) -> None:
    """Encrypted, or on the machine where the program is being written."""
    refuse_no_origin(origin, is_development=True)


@pytest.mark.parametrize(
    ("origin", "sentence"),
    [
        ("*", "would allow pages of others"),
        ("https://*.example.org", "would allow pages of others"),
        ("null", "can't be allowed"),
        ("", "is not an Origin"),
        ("app.example.org", "is not an Origin"),
        ("https://", "is not an Origin"),
        ("chrome-extension://abcdef", "is not an Origin"),
        ("HTTPS://app.example.org", "is not an Origin"),
        ("https://app.example.org/", "leave out what begins with '/'"),
        ("https://app.example.org/page", "leave out what begins with '/'"),
        ("https://app.example.org?x", "leave out what begins with '?'"),
        ("https://me@app.example.org", "leave out what begins with '@'"),
        ("https://App.example.org", "not as browsers send it"),
        ("https://app.example.org:443", "not as browsers send it"),
        ("https://app.example.org:08443", "not as browsers send it"),
        ("http://localhost:80", "not as browsers send it"),
        ("https://[2001:db8:0::7]", "not as browsers send it"),
        ("https://127.1", "not as browsers send it"),
        ("https://app.0x7f", "not as browsers send it"),
        ("https://2130706433:8443", "not as browsers send it"),
        ("https://app.example.org:70000", "no valid port"),
        ("https://app.example.org\n", "is not a host name"),
        ("https://münchen.de", "xn--"),
        ("http://app.example.org", "is not encrypted"),
        ("http://localhost.example.org", "is not encrypted"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_reason(origin: str, sentence: str) -> None:
    """H1: a value that no browser sends would allow nothing, and one that anyone sends everything."""
    with pytest.raises(SetupError) as refused:
        refuse_no_origin(origin, is_development=True)
    assert sentence in str(refused.value)


def test_a_page_without_encryption_is_for_developing() -> None:
    """A server that others reach does not take what this machine's network could have changed."""
    with pytest.raises(SetupError, match="is not encrypted"):
        refuse_no_origin("http://localhost:8000", is_development=False)
