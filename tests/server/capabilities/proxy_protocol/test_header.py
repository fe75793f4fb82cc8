"""L6: the parser of PROXY headers takes what the specification allows for TCP, and nothing else."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.server.capabilities.proxy_protocol.proxy_headers import LOCAL, SIGNATURE, header, header_for, tlv

from parlour_server.capabilities.proxy_protocol.header import (
    FIXED_BYTES,
    MOST_BYTES,
    ProxyHeader,
    ProxyHeaderError,
    header_size,
    parse,
)
from parlour_server.core.addresses import plain_address


def can_connect(address: IPv4Address | IPv6Address) -> bool:
    """Say whether a client can have it."""
    plain = ip_address(plain_address(str(address)))
    return not (plain.is_unspecified or plain.is_multicast)


ADDRESSES = st.ip_addresses().filter(can_connect)
TLVS = st.lists(st.builds(tlv, st.integers(0, 255), st.binary(max_size=200)), max_size=8).map(b"".join)


@given(client=ADDRESSES, tlvs=TLVS)
def test_a_good_header_gives_the_clients_address(client: IPv4Address | IPv6Address, tlvs: bytes) -> None:
    """Any client over TCP, with any TLVs, whether they are known or not."""
    data = header_for(str(client), tlvs=tlvs)
    assert header_size(data[:FIXED_BYTES]) == len(data)
    assert parse(data) == ProxyHeader(plain_address(str(client)))


@given(data=st.binary(max_size=400) | st.binary(max_size=200).map(lambda rest: SIGNATURE + rest))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever comes, nothing but the parser's own error is raised, and an address is an address."""
    try:
        size = header_size(data)
        found = parse(data[:size])
    except ProxyHeaderError:
        return
    assert size <= MOST_BYTES
    assert found.client is None or str(ip_address(found.client)) == found.client


@given(client=ADDRESSES, tlvs=TLVS, data=st.data())
def test_a_header_that_is_cut_off_or_continued_is_refused(
    client: IPv4Address | IPv6Address, tlvs: bytes, data: st.DataObject
) -> None:
    """A header ends where it says."""
    whole = header_for(str(client), tlvs=tlvs)
    with pytest.raises(ProxyHeaderError):
        parse(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ProxyHeaderError):
        parse(whole + b"\x16")


def test_a_health_check_is_the_balancers_own() -> None:
    """LOCAL: what follows is discarded, whatever family it claims."""
    assert parse(LOCAL) == ProxyHeader(None)
    assert parse(header(b"\xff" * 12, command=0x20, family=0x11)) == ProxyHeader(None)
    assert parse(header(b"anything", command=0x20, family=0xEE)) == ProxyHeader(None)


def test_ipv4_in_ipv6_is_counted_as_ipv4() -> None:
    """Or one client would have two shares."""
    assert parse(header_for("::ffff:192.0.2.9")) == ProxyHeader("192.0.2.9")


GOOD = header_for("192.0.2.9")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(b"PROXY TCP4 192.0.2.9 192.0.2.1 40000 8443\r\n", id="version-1"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 40, id="tls"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="http"),
        pytest.param(SIGNATURE.lower() + GOOD[12:], id="signature"),
        pytest.param(header(GOOD[16:], command=0x11), id="version-1-in-binary"),
        pytest.param(header(GOOD[16:], command=0x31), id="version-3"),
        pytest.param(header(GOOD[16:], command=0x22), id="command"),
        pytest.param(header(GOOD[16:], family=0x00), id="unspecified-family"),
        pytest.param(header(GOOD[16:], family=0x12), id="udp"),
        pytest.param(header(b"\0" * 216, family=0x31), id="unix"),
        pytest.param(header(GOOD[16:], family=0x13), id="unknown-transport"),
        pytest.param(header(GOOD[16:], family=0x21), id="ipv4-as-ipv6"),
        pytest.param(header(GOOD[16:-1]), id="short-addresses"),
        pytest.param(header(b""), id="no-addresses"),
        pytest.param(header(GOOD[16:] + b"\x04"), id="half-a-tlv"),
        pytest.param(header(GOOD[16:] + b"\x04\x00\x05abcd"), id="tlv-longer-than-the-header"),
        pytest.param(header(GOOD[16:] + b"\x04\xff\xff"), id="tlv-of-64-kib"),
        pytest.param(header(GOOD[16:] + tlv(4, b"x" * MOST_BYTES)), id="too-long"),
        pytest.param(header_for("0.0.0.0"), id="nobody"),  # noqa: S104 - refused
        pytest.param(header_for("::"), id="nobody-v6"),
        pytest.param(header_for("224.0.0.1"), id="multicast"),
        pytest.param(header_for("ff02::1"), id="multicast-v6"),
        pytest.param(header_for("::ffff:224.0.0.1"), id="multicast-mapped"),
        pytest.param(header_for("::ffff:0.0.0.0"), id="unspecified-mapped"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_names_no_client_is_refused(wrong: bytes) -> None:
    """Its sender would otherwise be counted as the balancer, together with everyone."""
    with pytest.raises(ProxyHeaderError):
        parse(wrong)


def test_a_long_header_is_refused_by_its_length() -> None:
    """Not a byte of it is waited for."""
    with pytest.raises(ProxyHeaderError):
        header_size(header(size=0xFFFF)[:FIXED_BYTES])
