"""Which clock decides: how long keys of past epochs are kept, and whether a device may be added."""

import pytest

from parlour_client.core.e2ee.group.rules import KEEP_PAST, SKEW, TOLERANCE, Ended, trouble_of_adding
from parlour_client.core.e2ee.identity.keys import AccountKey, DeviceKey, read_certificate
from parlour_mls import Lifetime
from parlour_protocol.identity import Certificate
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_device_name, parse_user_name

NOW = 1_790_000_000_000
DAY = 86_400_000


def certificate(created: int = NOW) -> Certificate:
    """Return one that was made then."""
    user, server = parse_user_name("ben"), "chat.example"
    key = DeviceKey.generate(user, server)
    made = AccountKey.generate().certify(user, server, key.public, parse_device_name("box"), Millis(created))
    return read_certificate(made[1])


@pytest.mark.parametrize(
    ("at", "here", "keeps"),
    [
        (0, 0, True),
        (KEEP_PAST, KEEP_PAST, True),
        (KEEP_PAST + 1, 0, False),
        (0, KEEP_PAST + 1, False),
        (-10 * DAY, KEEP_PAST, True),
        (-10 * DAY, KEEP_PAST + 1, False),
        (0, -SKEW, True),
        (0, -SKEW - 1, False),
    ],
)
def test_an_epoch_is_over_when_either_clock_says_so(at: int, here: int, *, keeps: bool) -> None:
    """The server can end it early, and cannot keep it."""
    ended = Ended(Millis(NOW), Millis(NOW + DAY))
    assert ended.keeps(Millis(NOW + at), Millis(NOW + DAY + here)) is keeps


@pytest.mark.parametrize(
    ("here", "trouble"),
    [
        (-TOLERANCE - 1, "not valid yet"),
        (-TOLERANCE, ""),
        (0, ""),
        (30 * DAY + TOLERANCE, ""),
        (30 * DAY + TOLERANCE + 1, "has expired"),
    ],
)
def test_a_key_package_is_of_this_time_by_our_own_clock(here: int, trouble: str) -> None:
    """With a day of tolerance, because that clock may be wrong as well."""
    lifetime = Lifetime(NOW // 1_000, (NOW + 30 * DAY) // 1_000)
    told = trouble_of_adding(lifetime, certificate(NOW - DAY), Millis(NOW + here))
    assert (trouble in told, bool(told)) == (True, bool(trouble))


def test_so_is_the_certificate() -> None:
    """Whichever ends first, and begins last."""
    long, made = Lifetime(0, NOW), certificate()
    assert "not valid yet" in trouble_of_adding(long, made, Millis(NOW - TOLERANCE - 1))
    assert "has expired" in trouble_of_adding(None, made, Millis(made.expires + TOLERANCE + 1))
    assert trouble_of_adding(None, made, Millis(made.expires + TOLERANCE)) == ""
