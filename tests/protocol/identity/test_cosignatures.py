"""Cosignatures in the format of C2SP: what is signed, written and refused."""

from base64 import b64decode, b64encode

import pytest
from tests.protocol.identity.signing import holds, key, public

from parlour_protocol.identity import Head, StatementError
from parlour_protocol.identity.cosignatures import Cosignature, WitnessKey, key_id, log_line, to_be_cosigned

CHECKPOINT = Head(20_852_163, b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")).to_be_signed(
    "example.com"
)
WITNESS = WitnessKey("witness.example.com/w1", public("witness"))
AT = 1_679_315_147


def line(at: int = AT, checkpoint: bytes = CHECKPOINT, by: str = "witness") -> str:
    """Return a cosignature's line."""
    return WITNESS.line(Cosignature(at, key(by).sign(to_be_cosigned(checkpoint, at)).signature))


def test_what_is_signed_is_the_example_of_the_specification() -> None:
    """Two lines, and the whole checkpoint."""
    assert to_be_cosigned(CHECKPOINT, AT) == (
        b"cosignature/v1\ntime 1679315147\n"
        b"example.com/key-log\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )


def test_the_example_of_a_signed_note_verifies() -> None:
    """Its verifier key and its line are in the specification: the ID of a key is as there."""
    name, given, encoded = "example.com/foo", "530d903a", "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
    public_key = b64decode(encoded)[1:]
    note = b"This is an example message.\n"
    written = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    signature = b64decode(written)[4:]
    assert key_id(name, 1, public_key).hex() == given
    assert holds(public_key, note, signature)
    assert log_line(name, public_key, signature) == f"\N{EM DASH} {name} {written}"


def test_a_key_and_a_line_round_trip() -> None:
    """As a vkey and as a line; the key's base64 may have a plus in it."""
    for n in range(40):
        one = WitnessKey("witness.example.com/w1", public(f"witness {n}"))
        assert WitnessKey.parse(one.vkey) == one
    read = WITNESS.read(line(), CHECKPOINT, holds)
    assert (read.at, WITNESS.line(read)) == (AT, line())


CHANGED = bytearray(b64decode(line().split()[2]))
CHANGED[11] ^= 1


@pytest.mark.parametrize(
    "given",
    [
        line(by="someone else"),
        line(checkpoint=CHECKPOINT.replace(b"20852163", b"20852164")),
        f"\N{EM DASH} {WITNESS.name} {b64encode(CHANGED).decode()}",  # another time
        line().replace("w1", "w2"),
        line().replace("\N{EM DASH}", "-"),
        line()[:-4],
        f"{line()}\n",
        f"{line()} x",
        line(2**63),
        "",
    ],
    ids=["key", "head", "time", "name", "dash", "short", "newline", "more", "too late", "nothing"],
)
def test_a_line_that_is_not_the_witnesses_is_refused(given: str) -> None:
    """Another key, head, time or name; or another form."""
    with pytest.raises(StatementError):
        WITNESS.read(given, CHECKPOINT, holds)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        WITNESS.vkey.replace("w1", "w2"),
        WITNESS.vkey.replace("witness", "my witness"),
        WITNESS.vkey.replace("witness", "w\N{LATIN SMALL LETTER I WITH ACUTE}tness"),
        WITNESS.vkey[:-4],
        f"{WITNESS.vkey}\n",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",  # no key for cosignatures
    ],
)
def test_a_key_that_is_none_is_refused(vkey: str) -> None:
    """No key, a damaged one, a name that a terminal should not show, another type."""
    with pytest.raises(StatementError):
        WitnessKey.parse(vkey)
