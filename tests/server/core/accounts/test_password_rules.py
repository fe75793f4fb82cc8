"""P2 (weak and over-ruled passwords), P3 (common words and context words)."""

import pytest

from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_rules import check_new_password
from parlour_server.core.errors import PasswordRefusedError

NAMES = ("anna", "chat.example.org")


def check(value: str) -> None:
    """Judge a password of anna's."""
    check_new_password(Secret(value), NAMES)


@pytest.mark.parametrize(
    "value",
    [
        "tigress violin m",
        "tigressviolinma",
        "correct horse battery staple",
        "ich gehe heute schwimmen",
        "😀😁😂🤣😃😄😅😆😉😊😋😎😍😘🥰",
        "v" + "xkqzjwpf" * 8,
        "ночью все кошки серы",
        "kd8f-39dk-qq0z-ppl2",
        "caf\u00e9 au lait, s'il vous pla\u00eet",
    ],
)
def test_a_good_password_is_not_over_ruled(value: str) -> None:
    """P2: fifteen code points of anything will do; no capital, digit or sign is asked for."""
    check(value)


@pytest.mark.parametrize("value", ["", "tigress violin", "\u00e9" * 14, "e\u0301" * 7 + "tigres"])
def test_a_short_password_is_refused(value: str) -> None:
    """P2: fourteen code points, counted as they are hashed, are too few."""
    with pytest.raises(PasswordRefusedError, match="too short"):
        check(value)


@pytest.mark.parametrize("value", ["kq-" * 400, "\u00e9q-z" * 300])
def test_a_password_over_the_limit_is_refused(value: str) -> None:
    """P2: 1024 bytes, because argon2 must not be fed megabytes."""
    with pytest.raises(PasswordRefusedError, match="longer than 1024 bytes"):
        check(value)


def test_a_lone_surrogate_is_refused() -> None:
    """A password that has no UTF-8 form is refused with a reason, not with a fault."""
    with pytest.raises(PasswordRefusedError, match="not Unicode"):
        check("tigress-violin-\ud800")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("passwordpassword", "repeats"),
        ("anna12345678901", "name of this account"),
        ("anna!anna!anna!!", "different characters"),
        ("parlour123456789", "name of this account"),
        ("Chat.Example.Org", "name of this account"),
        ("example.org 2029", "name of this account"),
        ("qwertyuiopasdfgh", "Attackers try"),
        ("1q2w3e4r5t6y7u8i", "Attackers try"),
        ("123456789012345", "Attackers try"),
        ("987654321098765", "Attackers try"),
        ("football2019football", "Attackers try"),
        ("iloveyouforever123", "Attackers try"),
        ("Summer2029!!!!!!", "Attackers try"),
        ("dr@g0ndr@g0n2029", "Attackers try"),
        ("aaaaaaaaaaaaaaaab", "different characters"),
        ("xyzzy5xyzzy5xyzzy5", "different characters"),
        ("mnbvcq mnbvcq mnbvcq", "repeats"),
    ],
)
def test_guessing_by_the_usual_recipes_finds_no_password(value: str, reason: str) -> None:
    """P3: common words, walks, repeats and the names at hand are refused, and the reason is given."""
    with pytest.raises(PasswordRefusedError, match=reason):
        check(value)
