"""Addresses and the invite links of any program: its own scheme, its own fields, and nothing else."""

from dataclasses import replace

import pytest

from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.invite_link import DEFAULT_PORT, InviteLink, LoginLink, ServerAddress
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret

CODE = "c" * 22
PIN = "p" * 43
LINK = InviteLink(ServerAddress("localhost", 1), Secret(CODE), PIN, "ticker")


def test_a_program_has_a_scheme_of_its_own():
    """A link to one program is not a link to another."""
    assert str(LINK) == f"ticker://localhost:1/join#code={CODE}&pin={PIN}"
    assert InviteLink.parse(str(LINK), "ticker") == LINK
    with pytest.raises(InvalidLinkError, match="begins with parlour://"):
        InviteLink.parse(str(LINK))
    with pytest.raises(InvalidLinkError, match="begins with ticker://"):
        InviteLink.parse(str(LINK).replace("ticker", "parlour"), "ticker")


def test_a_program_may_add_fields_and_others_are_refused():
    """They follow those of the kit, once each."""
    text = LINK.text(table="t/1")
    assert text == f"{LINK}&table=t%2F1"
    assert InviteLink.parse_with(text, frozenset({"table"}), "ticker") == (LINK, {"table": "t/1"})
    assert InviteLink.parse_with(str(LINK), frozenset({"table"}), "ticker") == (LINK, {})
    with pytest.raises(InvalidLinkError, match="not a link to join"):
        InviteLink.parse(text, "ticker")
    with pytest.raises(InvalidLinkError, match="twice"):
        InviteLink.parse_with(f"{text}&table=2", frozenset({"table"}), "ticker")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("chat.example.org", "chat.example.org", DEFAULT_PORT),
        ("chat.example.org:99", "chat.example.org", 99),
        ("CHAT.example.org", "chat.example.org", DEFAULT_PORT),
        (" localhost \n", "localhost", DEFAULT_PORT),
        ("[::1]:99", "::1", 99),
        ("[::1]", "::1", DEFAULT_PORT),
        ("127.0.0.1", "127.0.0.1", DEFAULT_PORT),
    ],
)
def test_addresses_that_people_type(text: str, host: str, port: int):
    """The port may be left out."""
    assert ServerAddress.parse(text) == ServerAddress(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ":99",
        "a:0",
        "a:65536",
        "a:b",
        "a/b",
        "a?b",
        "a#b",
        "u@a",
        "-a",
        "a-",
        "a..b\n.c d",
        "a..b",  # Python's resolver raises something else for a label that is empty or too long
        "fe..ed",
        f"{'a' * 64}.example",
        f"{'a.' * 127}b",
        "[::1",
        "http://a",
    ],
)
def test_addresses_that_are_none(text: str):
    """Refused with an example of how one looks."""
    with pytest.raises(InvalidLinkError):
        ServerAddress.parse(text)


@pytest.mark.parametrize(("host", "authority"), [("a.example", "a.example:1"), ("::1", "[::1]:1")])
def test_the_authority_is_written_as_in_a_url(host: str, authority: str):
    """An IPv6 address in brackets."""
    assert ServerAddress(host, 1).authority == authority


def test_a_link_to_log_in_has_a_name_and_no_secret():
    """It is read back as it was written, and is never taken for an invite link."""
    link = LoginLink(ServerAddress("localhost", 1), parse_user_name("ada"), PIN)
    assert LoginLink.is_one(str(link))
    assert LoginLink.parse(f"  {link}\n") == link
    assert LoginLink.parse(str(replace(link, pin=None))).pin is None
    with pytest.raises(InvalidLinkError):
        InviteLink.parse(str(link))
    assert not LoginLink.is_one(str(replace(LINK, scheme="parlour")))


@pytest.mark.parametrize(
    "text",
    [
        "parlour://localhost:1/login#user=ada&pin=",
        "parlour://localhost:1/login#user=ada&pin=short",
        "parlour://localhost:1/login#pin=" + PIN,
        "parlour://localhost:1/login#user=a..&pin=" + PIN,
        "parlour://localhost:1/login#user=ada&code=" + CODE,
        "parlour://localhost:1/login#user=ada&user=eve",
        "parlour://localhost:1/login?user=ada#user=ada",
        "parlour://localhost:1/x/login#user=ada",
        "parlour://localhost:1/join#user=ada",
        "ticker://localhost:1/login#user=ada",
    ],
)
def test_a_damaged_link_to_log_in_is_refused(text: str):
    """Like an invite link: nothing is guessed."""
    with pytest.raises(InvalidLinkError):
        LoginLink.parse(text)
