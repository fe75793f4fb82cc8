"""A CA of the tests' own, which signs what a test asks for: chains as CAs give them, and wrong ones."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Return the certificates in PEM."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def key_pem(key: EllipticCurvePrivateKey) -> bytes:
    """Return the key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_key() -> EllipticCurvePrivateKey:
    """Return a new ECDSA key."""
    return generate_private_key(SECP256R1())


@dataclass
class TestCa:
    """A root, and an intermediate that signs."""

    __test__ = False

    def __post_init__(self) -> None:
        root_key, self.key = new_key(), new_key()
        self.root = _certificate("Root", root_key.public_key(), "Root", root_key, ca=True)
        self.intermediate = _certificate("Intermediate", self.key.public_key(), "Root", root_key, ca=True)

    def sign(
        self,
        key: CertificateIssuerPublicKeyTypes,
        names: Sequence[str],
        *,
        starts: datetime | None = None,
        life: timedelta = timedelta(days=90),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.SERVER_AUTH,
        ca: bool = False,
    ) -> x509.Certificate:
        return _certificate(
            "", key, "Intermediate", self.key, names=names, starts=starts, life=life, usage=usage, ca=ca
        )

    def chain(
        self, key: CertificateIssuerPublicKeyTypes, names: Sequence[str], life: timedelta = timedelta(days=90)
    ) -> bytes:
        """Return what a CA sends: the certificate, and the intermediate one."""
        return pem_of(self.sign(key, names, life=life), self.intermediate)


def _certificate(
    subject: str,
    key: CertificateIssuerPublicKeyTypes,
    issuer: str,
    signer: EllipticCurvePrivateKey,
    *,
    names: Sequence[str] = (),
    starts: datetime | None = None,
    life: timedelta = timedelta(days=90),
    usage: x509.ObjectIdentifier | None = None,
    ca: bool = False,
) -> x509.Certificate:
    begins = starts or datetime.now(UTC) - timedelta(minutes=5)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + life)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        # Python 3.13 verifies strictly (RFC 5280): it demands these of every CA
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .add_extension(_key_usage(signs=ca), critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(name) for name in names]), critical=not subject
        )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Test {text}")] if text else [])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
