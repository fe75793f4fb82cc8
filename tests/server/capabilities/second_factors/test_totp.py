"""Codes of an app: RFC 6238's own values, and how long a code is right (ASVS 6.5.5, 6.5.8)."""

from base64 import b32encode

import pytest
from pyotp.totp import TOTP

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors import totp

RFC = Secret(b32encode(b"12345678901234567890").decode())
"""The secret of RFC 6238, appendix B, whose codes have eight digits there; ours are the last six."""


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_the_codes_of_the_rfc(seconds: int, code: str) -> None:
    """Each is right in its own half minute, and gives its number."""
    assert totp.matching_step(RFC, Secret(code), Millis(seconds * 1000)) == seconds // 30


def test_a_code_is_right_for_one_half_minute_and_not_a_millisecond_longer() -> None:
    """ASVS 6.5.5: no window before or after makes it longer than 30 seconds."""
    at = 60_000_000 * 30_000
    code = Secret(TOTP(RFC.reveal()).at(at // 1000))
    found = [
        ms
        for ms in range(at - 30_000, at + 60_000)
        if ms % 999 == 0 or ms in {at - 1, at, at + 29_999, at + 30_000}
    ]
    right = [ms for ms in found if totp.matching_step(RFC, code, Millis(ms)) is not None]
    assert right == [ms for ms in found if at <= ms < at + 30_000]


@pytest.mark.parametrize(
    "code",
    ["", "28708", "2870822", "-87082", "²87082", "28708a", "\uff12\uff18\uff17\uff10\uff18\uff12", "\ud800"],
)
def test_what_is_not_six_digits_is_no_code(code: str) -> None:
    """It is refused before anything is computed with it."""
    assert totp.matching_step(RFC, Secret(code), Millis(59_000)) is None


def test_the_secret_and_what_an_app_scans() -> None:
    """ASVS 6.5.3: 160 random bits each, in the form that apps read; no repr shows it."""
    secrets = {totp.new_secret().reveal() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {32}
    uri = totp.setup_uri(RFC, account="anna", server="chat.example.org")
    assert (
        uri.reveal() == f"otpauth://totp/chat.example.org:anna?secret={RFC.reveal()}&issuer=chat.example.org"
    )
    assert "otpauth" not in repr(uri)
