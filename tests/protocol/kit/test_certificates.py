"""The digest of a certificate's public key: the same as that of a whole parser, or none."""

import datetime as dt
import random
from contextlib import suppress
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from parlour_protocol.kit.certificates import public_key_digest

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
KEYS = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def made(key: Key, names: int = 1) -> x509.Certificate:
    """Make a certificate; many names make lengths of two and three bytes."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"server {n}") for n in range(names)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=90))
    )
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def digest_by_a_parser(certificate: x509.Certificate) -> bytes:
    """Return what `cryptography` says."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return sha256(key).digest()


@pytest.mark.parametrize("names", [1, 5, 3_000])
@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_the_digest_is_that_of_the_key(key: Key, names: int) -> None:
    """For each kind of key, in short and long certificates."""
    certificate = made(key, names)
    assert public_key_digest(certificate.public_bytes(Encoding.DER)) == digest_by_a_parser(certificate)


def test_a_certificate_can_be_read_in_one_way_only() -> None:
    """Cut off, prolonged, and with lengths that are indefinite or longer than they need be: refused."""
    whole = made(KEYS["P-256"]).public_bytes(Encoding.DER)
    assert whole[:2] == b"\x30\x82"
    size = whole[2:4]
    refused = [
        *(whole[:end] for end in range(len(whole))),
        whole + b"\x00",
        b"\x30\x83\x00" + size + whole[4:],
        b"\x30\x84\x00\x00" + size + whole[4:],
        b"\x30\x80" + whole[4:] + b"\x00\x00",
        b"\x31" + whole[1:],
        b"\x30\xff" + whole[4:],
        whole[:4] + b"\x30\x83\x00" + whole[6:],
    ]
    for certificate in refused:
        with pytest.raises(ValueError, match=r"element|length|follows"):
            public_key_digest(certificate)


def test_a_changed_certificate_has_the_digest_that_a_parser_finds_or_none() -> None:
    """Nothing that is changed makes it see another key than the one that a TLS stack would use."""
    chance = random.Random(7)  # noqa: S311 - the same every time
    whole = made(KEYS["P-256"], 5).public_bytes(Encoding.DER)
    found: list[tuple[bytes, bytes]] = []
    for _ in range(3_000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        with suppress(Exception):  # the parser has more errors than one for what it does not know
            expected = digest_by_a_parser(x509.load_der_x509_certificate(bytes(damaged)))
            found.append((bytes(damaged), expected))
    assert len(found) > 300
    for changed, expected in found:
        assert public_key_digest(changed) == expected
