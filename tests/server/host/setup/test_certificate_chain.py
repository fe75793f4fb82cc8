"""T2: what a CA or another program gives is checked before it replaces a certificate."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.server.host.setup.chains import TestCa, key_pem, new_key, pem_of

from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import MOST_BYTES, CertificateChain, names_of

NAMES = ("chat.example.org", "192.0.2.7")
KEY = new_key()
CA = TestCa()


def refuse(pem: bytes) -> None:
    """Raise SetupError unless the chain can serve now."""
    CertificateChain.parse(pem).refuse(KEY.public_key(), NAMES, datetime.now(UTC))


def test_a_chain_for_the_key_and_the_names_is_taken() -> None:
    """With more names than are needed, with a wildcard, and whatever text stands between certificates."""
    refuse(CA.chain(KEY.public_key(), NAMES))
    refuse(b"subject: a\n" + CA.chain(KEY.public_key(), ("*.example.org", "192.0.2.7", "b.example.com")))
    found = CertificateChain.parse(b"subject: a\n" + CA.chain(KEY.public_key(), NAMES))
    assert found.pem == pem_of(*found.certificates)
    assert names_of(found.leaf) == NAMES


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (b"", "readable certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "readable certificates"),
        (key_pem(KEY), "readable certificates"),
        (CA.chain(KEY.public_key(), NAMES)[:-40], "cut off"),
        (CA.chain(KEY.public_key(), NAMES) + key_pem(KEY), "besides certificates"),
        (b"\n" * (MOST_BYTES + 1), "more than 65,536 bytes"),
        (pem_of(*[CA.root] * 9), "more than 8"),
        (CA.chain(new_key().public_key(), NAMES), "another key"),
        (CA.chain(KEY.public_key(), ("chat.example.org",)), r"not for 192\.0\.2\.7"),
        (CA.chain(KEY.public_key(), ("*.example.org.example.com", "192.0.2.7")), "not for chat"),
        (pem_of(CA.sign(KEY.public_key(), NAMES), CA.root), "signed by the next"),
        (pem_of(CA.intermediate, CA.sign(KEY.public_key(), NAMES)), "another key"),
        (pem_of(CA.sign(KEY.public_key(), NAMES, usage=ExtendedKeyUsageOID.CLIENT_AUTH)), "serverAuth"),
        (pem_of(CA.sign(KEY.public_key(), NAMES, ca=True)), "CA's"),
        (
            pem_of(CA.sign(KEY.public_key(), NAMES, starts=datetime.now(UTC) + timedelta(days=1))),
            "not valid before",
        ),
        (
            pem_of(CA.sign(KEY.public_key(), NAMES, starts=datetime.now(UTC) - timedelta(days=90))),
            "the certificate expires",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_chain_is_refused_with_the_reason(pem: bytes, why: str) -> None:
    """Too large, unreadable, for another key, name or use, in a wrong order, not valid now."""
    with pytest.raises(SetupError, match=why):
        refuse(pem)
