"""The server's own small certificate authority, its certificate, and the pin in invite links.

The CA signs only this server's certificates (path length 0). A certificate is ECDSA P-256, for the given
names, for at most 90 days. A renewal keeps the key, so that the pins of all invite links stay valid.
"""

import ipaddress
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from parlour_protocol.kit.certificates import public_key_digest
from parlour_server.core.addresses import refuse_no_host
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.certificate_chain import bare_name, names_of

_CA_LIFE: Final = timedelta(days=3652)
_LONGEST_LEAF: Final = timedelta(days=90)  # what Mozilla's "modern" profile allows (T2)
_LEAF_LIFE: Final = timedelta(days=89)  # the first and the last second count
_RENEW_BEFORE: Final = timedelta(days=30)
_CLOCKS_DIFFER: Final = timedelta(hours=1)


def pin_of(certificate: x509.Certificate) -> str:
    """Return the pin: SHA-256 of the SubjectPublicKeyInfo in DER, as 43 characters of base64url."""
    digest = public_key_digest(certificate.public_bytes(Encoding.DER))
    return urlsafe_b64encode(digest).decode().rstrip("=")


def read_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a PEM file. Raises SetupError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise SetupError(f"cannot read the certificate {path}: {error.strerror}") from error
    except ValueError as error:
        raise SetupError(f"{path} contains no certificate; move it away and run `init` again") from error


def is_own(folder: DataFolder, leaf: x509.Certificate) -> bool:
    """Return whether the folder's own CA signed this certificate; only then its key and pin are permanent."""
    if not folder.ca_certificate.exists():
        return False
    try:
        leaf.verify_directly_issued_by(read_certificate(folder.ca_certificate))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def make_keys(folder: DataFolder, *, had_database: bool, replace_lost: bool = False) -> bool:
    """Create the keys of a new folder, which has no certificate and no database yet.

    Any other folder had keys, and with new ones it would be a different server (L21); that needs
    ``replace_lost``. Returns whether something was written.
    """
    missing = [] if folder.key.exists() else [folder.key]
    # A certificate of another CA needs no CA here.
    needs_ca = missing or folder.ca_certificate.exists() or not folder.certificate.exists()
    if needs_ca and not folder.ca_key.exists():
        missing.append(folder.ca_key)
    had = had_database or folder.certificate.exists() or folder.ca_certificate.exists()
    if not missing or (had and not replace_lost):
        return False
    folder.certificate.unlink(missing_ok=True)
    if folder.ca_key in missing:
        folder.ca_certificate.unlink(missing_ok=True)
    for path in missing:
        key = generate_private_key(SECP256R1())
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return True


def renew_if_due(folder: DataFolder, names: Iterable[str], now: datetime | None = None) -> bool:
    """Create a certificate if it is missing, expiring or lacks names; the first time the CA as well.

    A certificate of another CA is left as it is. Returns whether something was written. Raises SetupError,
    also for a missing key, which it never replaces.
    """
    now = now or datetime.now(UTC)
    wanted = tuple(dict.fromkeys(bare_name(name) for name in names))
    if not folder.key.exists():
        raise folder.lost(folder.key)
    if folder.certificate.exists():
        leaf = read_certificate(folder.certificate)
        if not is_own(folder, leaf):
            return False
        if set(names_of(leaf)) == set(wanted) and not _is_due(leaf, now):
            return False
    ca, ca_key = _authority(folder, now)
    leaf_key = _key(folder.key)
    leaf = _leaf(wanted, leaf_key, ca, ca_key, now)
    write_private(folder.certificate, _pem(leaf) + _pem(ca))
    return True


def _is_due(leaf: x509.Certificate, now: datetime) -> bool:
    """Return whether a certificate expires soon, lasts too long, or starts in the future."""
    return (
        leaf.not_valid_after_utc - now <= _RENEW_BEFORE
        or leaf.not_valid_after_utc - leaf.not_valid_before_utc > _LONGEST_LEAF
        or leaf.not_valid_before_utc > now
    )


def _authority(folder: DataFolder, now: datetime) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    if not folder.ca_key.exists():
        raise folder.lost(folder.ca_key)
    key = _key(folder.ca_key)
    if folder.ca_certificate.exists():
        return read_certificate(folder.ca_certificate), key
    name = x509.Name(
        [
            x509.NameAttribute(
                NameOID.COMMON_NAME, f"{folder.program.title} CA {x509.random_serial_number():x}"[:24]
            )
        ]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(now + _CA_LIFE)
        # No name constraints: every new name of the server would need a new CA at every client.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(folder.ca_certificate, _pem(certificate))
    return certificate, key


def _leaf(
    names: tuple[str, ...],
    key: EllipticCurvePrivateKey,
    ca: x509.Certificate,
    ca_key: EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER)
        .not_valid_after(min(now - _CLOCKS_DIFFER + _LEAF_LIFE, ca.not_valid_after_utc))
        # Critical, because the subject is empty (RFC 5280 section 4.2.1.6).
        .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )


def _key(path: Path) -> EllipticCurvePrivateKey:
    """Return the key of the file."""
    try:
        found = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SetupError(f"{path} contains no readable key; restore it from a backup") from error
    if not isinstance(found, EllipticCurvePrivateKey):
        raise SetupError(f"{path} contains a key that is not ECDSA; move it away and run `init` again")
    return found


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def general_name(name: str) -> x509.GeneralName:
    """Return a name of the server as certificates have it. Raises SetupError."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        refuse_no_host(name)
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
