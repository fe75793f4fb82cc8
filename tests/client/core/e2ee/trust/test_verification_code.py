"""The verification code: there and back, damage, and the picture."""

import pytest

from parlour_client.core.e2ee.trust.compare import Party, code_of, person_of, read_code
from parlour_client.kit.errors import SetupError
from parlour_client.kit.qr_code import qr_rows
from parlour_protocol.kit.names import parse_user_name

ANA = Party(parse_user_name("ana"), "chat.example.org:8443", bytes(range(32)))


def test_there_and_back():
    """A code is read however a terminal broke it into lines."""
    code = code_of(ANA)
    assert read_code(code) == ANA
    assert read_code(f"  {code[:40].lower()}\n {code[40:]} ") == ANA
    assert person_of(code) == "ana"


def test_every_damage_is_found():
    """No letter of a code can be another one, and none can be missing."""
    code = code_of(ANA)
    for at, letter in enumerate(code):
        wrong = "A" if letter != "A" else "B"
        for damaged in (code[:at] + wrong + code[at + 1 :], code[:at] + code[at + 1 :], code[:at]):
            with pytest.raises(SetupError):
                read_code(damaged)


def test_no_one_hides_in_a_code():
    """A code whose name is no name, or whose key is short, is refused though its checksum fits."""
    for party in (
        Party(parse_user_name("ana"), "", b""),
        Party("../etc", "here", bytes(32)),  # type: ignore[arg-type]
    ):
        with pytest.raises(SetupError):
            read_code(code_of(party))


def test_the_picture_is_a_qr_code_with_a_border():
    """Two rows of modules are one line; the finder pattern is in the corner behind the border."""
    rows = qr_rows(code_of(ANA))
    width = len(rows[0])
    assert {len(row) for row in rows} == {width}
    assert len(rows) == (width + 1) // 2 <= 24
    assert rows[0].strip() == ""
    assert rows[1].startswith("  █▀▀▀▀▀█ ")
    assert rows[4].startswith("  ▀▀▀▀▀▀▀ ")
