"""A certificate with its chain, as a CA or another program gives it: read, bounded and checked before use.

Nothing of it is trusted: ``CertificateChain.parse`` takes certificates only, few and small, and ``refuse``
says why a chain can't serve here. It must have the server's key and all of its names, be valid now, and each
certificate must be signed by the next one. Only then ``install`` replaces the old file, whole.
"""

import ipaddress
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

from parlour_server.core.addresses import split_name
from parlour_server.core.clock import utc_text
from parlour_server.core.errors import SetupError

MOST_BYTES: Final = 65_536
_MOST_CERTIFICATES: Final = 8
_CLOCKS_DIFFER: Final = timedelta(hours=1)
_LEAST_LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """A server's certificate, followed by those of its CAs."""

    certificates: tuple[x509.Certificate, ...]

    @classmethod
    def parse(cls, pem: bytes) -> "CertificateChain":
        """Read PEM. Raises SetupError for anything but a few certificates of known forms."""
        if len(pem) > MOST_BYTES:
            raise SetupError(f"the chain has more than {MOST_BYTES:,} bytes; give only the certificates")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", CryptographyDeprecationWarning)  # what a later version refuses
                certificates = tuple(x509.load_pem_x509_certificates(pem))
                for certificate in certificates:  # these are parsed on demand, and may be malformed
                    certificate.public_key()
                    names_of(certificate)
        except (ValueError, TypeError, x509.DuplicateExtension, CryptographyDeprecationWarning) as error:
            raise SetupError("the chain is not made of readable certificates in PEM") from error
        if pem.count(b"-----BEGIN ") != len(certificates):
            raise SetupError("the chain is cut off, or has something in it besides certificates")
        if len(certificates) > _MOST_CERTIFICATES:
            raise SetupError(f"the chain has more than {_MOST_CERTIFICATES} certificates")
        return cls(certificates)

    @property
    def leaf(self) -> x509.Certificate:
        """The server's certificate."""
        return self.certificates[0]

    @property
    def pem(self) -> bytes:
        """The certificates, and nothing else that stood in the file."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.certificates)

    def refuse(self, key: PublicKeyTypes, names: Sequence[str], now: datetime) -> None:
        """Raise SetupError unless it can serve for this key and these names from ``now`` on."""
        leaf = self.leaf
        if public_bytes(leaf.public_key()) != public_bytes(key):
            raise SetupError(
                "the certificate is for another key than server.key, so no client's pin would fit; request "
                "it for this key, or replace the key, too"
            )
        if lacking := lacking_names(leaf, names):
            raise SetupError(
                f"the certificate is for {', '.join(names_of(leaf)) or 'no name'}, not for"
                f" {', '.join(lacking)}; request it for all names"
            )
        if leaf.not_valid_before_utc > now + _CLOCKS_DIFFER:
            raise SetupError(f"the certificate is not valid before {utc_text(leaf.not_valid_before_utc)}")
        if leaf.not_valid_after_utc < now + _LEAST_LIFE:
            raise SetupError(
                f"the certificate expires at {utc_text(leaf.not_valid_after_utc)}; request a new one"
            )
        _refuse_use(leaf)
        for below, above in zip(self.certificates, self.certificates[1:], strict=False):
            try:
                below.verify_directly_issued_by(above)
            except (ValueError, TypeError, InvalidSignature) as error:
                raise SetupError(
                    "the chain is not in order: each certificate must be signed by the next one"
                ) from error


def public_bytes(key: PublicKeyTypes) -> bytes:
    """Return the SubjectPublicKeyInfo, in DER."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names and addresses that the certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = [str(address) for address in found.get_values_for_type(x509.IPAddress)]
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def bare_name(name: str) -> str:
    """Return the name without its port, as in certificates: lower case, IPv6 shortened."""
    host, _ = split_name(name.lower())
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def lacking_names(certificate: x509.Certificate, names: Sequence[str]) -> list[str]:
    """Return those of the names that the certificate is not for. A wildcard stands for one label."""
    known = {name.lower() for name in names_of(certificate)}
    return [name for name in names if name not in known and f"*.{name.partition('.')[2]}" not in known]


def _refuse_use(leaf: x509.Certificate) -> None:
    """Raise SetupError for a certificate that is not a server's."""
    extensions = leaf.extensions
    for extension in extensions:
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise SetupError("the first certificate is a CA's; the server's own must come first")
        if (
            isinstance(extension.value, x509.ExtendedKeyUsage)
            and ExtendedKeyUsageOID.SERVER_AUTH not in extension.value
        ):
            raise SetupError("the certificate is not for a server (its extended key usage lacks serverAuth)")
