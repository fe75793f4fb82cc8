"""The chat's invite links: round trips, and what is refused with a sentence for the person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.invite_link import ChatInviteLink, Inviter
from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.invite_link import InviteLink, ServerAddress
from parlour_protocol.kit.names import parse_user_name
from parlour_protocol.kit.secret import Secret

CODE = "c" * 22
PIN = "p" * 43
KEY = PublicKey(bytes(range(32)))
_TOKEN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(
    host=st.sampled_from(["localhost", "chat.example.org", "192.0.2.1", "::1", "2001:db8::5", "a"]),
    port=st.integers(1, 65535),
    code=st.text(_TOKEN, min_size=16, max_size=64),
    pin=st.none() | st.text(_TOKEN, min_size=43, max_size=43),
    by=st.none()
    | st.builds(
        Inviter,
        st.sampled_from(["ada", "ada.l", "a-b_c.1", "анна", "été"]).map(parse_user_name),
        st.binary(min_size=32, max_size=32).map(PublicKey),
    ),
)
def test_a_link_round_trips(host: str, port: int, code: str, pin: str | None, by: Inviter | None):
    """What a server or a member writes, a client reads as the same invitation."""
    link = ChatInviteLink(InviteLink(ServerAddress(host, port), Secret(code), pin), by)
    assert str(link).isascii()
    assert ChatInviteLink.parse(str(link)) == link
    assert ChatInviteLink.parse(f"  {link}\n") == link


def test_the_code_is_only_in_the_fragment():
    """K1: no HTTP request carries a fragment."""
    before, _, fragment = str(
        ChatInviteLink(InviteLink(ServerAddress("localhost", 1), Secret(CODE), PIN))
    ).partition("#")
    assert CODE not in before
    assert PIN not in before
    assert fragment == f"code={CODE}&pin={PIN}"


def test_the_inviter_follows_the_pin():
    """The form that people may write by hand: `by=NAME.KEY`."""
    by = Inviter(parse_user_name("ada.l"), KEY)
    assert str(by) == "ada.l.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    link = f"parlour://localhost:1/join#code={CODE}&by={by}"
    assert ChatInviteLink.parse(link).by == by
    assert str(ChatInviteLink.parse(link)) == link


def test_a_link_does_not_print_its_code():
    """K7: only str() of a link, which is made to be sent, has the code."""
    assert CODE not in repr(ChatInviteLink(InviteLink(ServerAddress("localhost", 1), Secret(CODE))))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "parlour://",
        f"https://localhost:1/join#code={CODE}",
        f"parlour:localhost:1/join#code={CODE}",
        f"parlour://localhost:1/other#code={CODE}",
        f"parlour://localhost:1/join/#code={CODE}",
        f"parlour://localhost:1/join?code={CODE}",
        f"parlour://localhost:1/join?x=1#code={CODE}",
        "parlour://localhost:1/join",
        "parlour://localhost:1/join#",
        "parlour://localhost:1/join#code=",
        "parlour://localhost:1/join#code=short",
        f"parlour://localhost:1/join#code={CODE}!",
        f"parlour://localhost:1/join#code={'c' * 65}",
        f"parlour://localhost:1/join#code={CODE}&code={CODE}",
        f"parlour://localhost:1/join#code={CODE}&pin={PIN}&pin={PIN}",
        f"parlour://localhost:1/join#code={CODE}&pin=",
        f"parlour://localhost:1/join#code={CODE}&pin={PIN}x",
        f"parlour://localhost:1/join#code={CODE}&pin={PIN[:-1]}",
        f"parlour://localhost:1/join#code={CODE}&next=evil",
        f"parlour://localhost:1/join#code={CODE}&by=",
        f"parlour://localhost:1/join#code={CODE}&by=ada",
        f"parlour://localhost:1/join#code={CODE}&by=.{KEY.text}",
        f"parlour://localhost:1/join#code={CODE}&by={KEY.text}",
        f"parlour://localhost:1/join#code={CODE}&by=ada.{KEY.text[:-1]}",
        f"parlour://localhost:1/join#code={CODE}&by=ada.{KEY.text}A",
        f"parlour://localhost:1/join#code={CODE}&by=ada.{KEY.text}=",
        f"parlour://localhost:1/join#code={CODE}&by=ada.{KEY.text[:-1]}9",  # spare bits: a second spelling
        f"parlour://localhost:1/join#code={CODE}&by=%1b[31m.{KEY.text}",
        f"parlour://localhost:1/join#code={CODE}&by=a b.{KEY.text}",
        f"parlour://localhost:1/join#code={CODE}&by=ada.{KEY.text}&by=ben.{KEY.text}",
        f"parlour://localhost:1/join#by=ada.{KEY.text}",
        f"parlour://localhost:1/join#pin={PIN}",
        f"parlour://:1/join#code={CODE}",
        f"parlour://localhost:0/join#code={CODE}",
        f"parlour://localhost:65536/join#code={CODE}",
        f"parlour://localhost:port/join#code={CODE}",
        f"parlour://user@localhost:1/join#code={CODE}",
        f"parlour://user:pw@localhost:1/join#code={CODE}",
        f"parlour://[::1/join#code={CODE}",
        f"parlour://local host:1/join#code={CODE}",
        f"parlour://lö.example:1/join#code={CODE}",
        f"parlour://a\x1b[31m:1/join#code={CODE}",
        f"parlour://localhost:1/join#code={CODE}" + " " * 2000 + "x",
    ],
)
def test_a_damaged_or_foreign_link_is_refused(text: str):
    """With one sentence that quotes nothing of it."""
    with pytest.raises(InvalidLinkError) as caught:
        ChatInviteLink.parse(text)
    assert str(caught.value).isascii()
    assert CODE not in str(caught.value)
