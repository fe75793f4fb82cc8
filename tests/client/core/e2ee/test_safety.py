"""The safety number: the same on both sides, and another one for any difference."""

from dataclasses import replace

from parlour_client.core.e2ee.safety import Party, last_group, safety_number
from parlour_protocol.names import parse_user_name

ANA = Party(parse_user_name("ana"), "chat.example.org", b"a" * 32)
BEN = Party(parse_user_name("ben"), "chat.example.org", b"b" * 32)


def test_both_sides_see_the_same():
    """Who is named first makes no difference."""
    number = safety_number(ANA, BEN)
    assert number == safety_number(BEN, ANA)
    groups = number.split(" ")
    assert len(groups) == 12
    assert all(len(group) == 5 and group.isdigit() for group in groups)
    assert last_group(number) == groups[-1]


def test_any_difference_shows():
    """Another key, name or server on either side gives another number."""
    others = [
        replace(BEN, key=b"b" * 31 + b"c"),
        replace(BEN, user=parse_user_name("bea")),
        replace(BEN, server="chat.example.com"),
    ]
    assert len({safety_number(ANA, other) for other in (BEN, *others)}) == 4


def test_the_last_group_depends_on_both_keys():
    """What the person types does not fit when either key is another one, whichever of them sorts first."""
    for one, other in ((ANA, BEN), (BEN, ANA)):
        typed = {
            last_group(safety_number(one, replace(other, key=bytes([number]) * 32))) for number in range(40)
        }
        assert len(typed) == 40


def test_the_number_is_a_fixed_one():
    """A new version of the client must not make everybody verify again."""
    assert safety_number(ANA, BEN) == (
        "20502 16835 77116 32219 13164 58448 63390 10588 59647 24334 43918 34605"
    )
