"""Recovery codes: how random they are, and how people may type them (ASVS 6.5.2, 6.5.3)."""

import re

from parlour_protocol.kit.secret import Secret
from parlour_server.capabilities.second_factors import recovery_codes


def test_a_code_has_at_least_112_random_bits() -> None:
    """ASVS 6.5.2: a plain digest in the store is enough for these; 24 characters of base32 are 120 bits."""
    codes = [code.reveal() for _ in range(50) for code in recovery_codes.new_codes()]
    assert len(set(codes)) == len(codes) == 500
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){5}[A-Z2-7]{4}", code) for code in codes)
    for place in range(29):  # every character varies: none is a constant or a counter
        assert len({code[place] for code in codes}) == (1 if place % 5 == 4 else 32)


def test_case_spaces_and_hyphens_do_not_matter() -> None:
    """A code is typed from paper; nothing else of it may differ."""
    [code, *_] = recovery_codes.new_codes()
    digest = recovery_codes.digest_of(code)
    text = code.reveal()
    for typed in (text.lower(), text.replace("-", ""), f"  {text.replace('-', ' - ')} "):
        assert recovery_codes.digest_of(Secret(typed)) == digest
    assert recovery_codes.digest_of(Secret(text[:-1])) != digest
    assert recovery_codes.digest_of(Secret("A" * 10_000)) == recovery_codes.digest_of(Secret("A" * 64))
