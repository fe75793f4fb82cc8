"""The safety number: the same on both sides, and another one for any difference."""

from dataclasses import replace

import pytest

from parlour_client.core.e2ee.trust.compare import Party, check_typed, safety_number
from parlour_client.kit.errors import SetupError
from parlour_protocol.kit.names import parse_user_name

ANA = Party(parse_user_name("ana"), "chat.example.org", b"a" * 32)
BEN = Party(parse_user_name("ben"), "chat.example.org", b"b" * 32)


def test_both_sides_see_the_same():
    """Who is named first makes no difference."""
    number = safety_number(ANA, BEN)
    assert number == safety_number(BEN, ANA)
    groups = number.split(" ")
    assert len(groups) == 12
    assert all(len(group) == 5 and group.isdigit() for group in groups)


def test_any_difference_shows():
    """Another key, name or server on either side gives another number."""
    others = [
        replace(BEN, key=b"b" * 31 + b"c"),
        replace(BEN, user=parse_user_name("bea")),
        replace(BEN, server="chat.example.com"),
    ]
    assert len({safety_number(ANA, other) for other in (BEN, *others)}) == 4


def test_each_group_depends_on_both_keys():
    """What the person types does not fit when either key is another one, whichever of them sorts first."""
    for one, other in ((ANA, BEN), (BEN, ANA)):
        numbers = [safety_number(one, replace(other, key=bytes([key]) * 32)) for key in range(40)]
        assert len({number[-5:] for number in numbers}) == 40


@pytest.mark.parametrize("digits", [20, 21, 25, 59, 60])
@pytest.mark.parametrize("space", [False, True])
def test_twenty_digits_are_typed_or_more(digits: int, *, space: bool):
    """Up to the whole number; the spaces are anyone's choice."""
    number = safety_number(ANA, BEN)
    typed = number.replace(" ", "")[-digits:]
    check_typed(number, f"  {' '.join(typed)}\n" if space else typed, BEN.user)


@pytest.mark.parametrize(
    "typed", ["", "0", "34605", "43918 34605", "9647 24334 43918 34605", "x" * 20, "²" * 20]
)
def test_fewer_prove_too_little(typed: str):
    """The end of a number is found by trying keys: each digit more takes ten times as long."""
    with pytest.raises(
        SetupError, match="at least the last 20 digits of the safety number with ben"
    ) as caught:
        check_typed(safety_number(ANA, BEN), typed, BEN.user)
    assert "100,000" in (caught.value.hint or "")


@pytest.mark.parametrize("place", [0, 1, 10, 19, -1])
def test_each_of_them_counts(place: int):
    """Also the first of the twenty, and of sixty; more than sixty fit nothing."""
    number = safety_number(ANA, BEN)
    for digits in (20, 60):
        typed = list(number.replace(" ", "")[-digits:])
        typed[place] = str((int(typed[place]) + 1) % 10)
        with pytest.raises(SetupError, match="not the last digits"):
            check_typed(number, "".join(typed), BEN.user)
    for wrong in (number[:23], "0" + number, number + number):
        with pytest.raises(SetupError, match="not the last digits"):
            check_typed(number, wrong, BEN.user)


def test_the_number_is_a_fixed_one():
    """A new version of the client must not make everyone verify again."""
    assert safety_number(ANA, BEN) == (
        "20502 16835 77116 32219 13164 58448 63390 10588 59647 24334 43918 34605"
    )
