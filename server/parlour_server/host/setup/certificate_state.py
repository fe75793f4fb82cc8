"""Puts a certificate of another CA, once checked, in place of the server's, and knows later that it did."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.certificate_chain import CertificateChain
from parlour_server.host.setup.certificates import is_own

_SOON: Final = timedelta(days=14)


class CertificateState(msgspec.Struct, frozen=True):
    """The content of the file; its defaults are those of a folder without one."""

    installed: str = ""
    """SHA-256 of the certificate that ``install`` put here, in hexadecimal."""

    @classmethod
    def read(cls, folder: DataFolder) -> "CertificateState":
        """Return what the folder has; a file that can't be read counts as none."""
        try:
            return msgspec.json.decode(folder.certificate_state.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls()

    def write(self, folder: DataFolder) -> None:
        """Keep it. Raises SetupError."""
        write_private(folder.certificate_state, msgspec.json.encode(self))


def install(folder: DataFolder, chain: CertificateChain, key: bytes | None = None) -> None:
    """Put a chain that was checked in the place of the server's certificate, and its ``key`` if it is new.

    Raises SetupError for a pair that TLS can't serve, and for a link: then another program keeps it.
    """
    for path in (folder.certificate, folder.key):
        if path.is_symlink():
            raise SetupError(
                f"{path} is a link to {path.readlink()}, so another program renews it; remove the link, or"
                " leave the certificate to that program"
            )
    _try_out(folder, chain.pem, folder.key.read_bytes() if key is None else key)
    # First, so that whatever is there after a crash is known; the old certificate stays what it was.
    CertificateState(installed=_fingerprint(chain.leaf)).write(folder)
    if key is not None:
        write_private(folder.key, key)
    write_private(folder.certificate, chain.pem)


def _try_out(folder: DataFolder, certificate: bytes, key: bytes) -> None:
    """Raise SetupError unless TLS can serve the pair."""
    try:
        with TemporaryDirectory(prefix=".certificate-", dir=folder.path) as work:
            files = Path(work, folder.certificate.name), Path(work, folder.key.name)
            for path, data in zip(files, (certificate, key), strict=True):
                write_private(path, data)
            TlsFiles(*files)
    except OSError as error:
        raise SetupError(f"cannot write to {folder.path}: {error.strerror}") from error


def keeps_key(folder: DataFolder, leaf: x509.Certificate) -> bool:
    """Return whether the certificate's key is permanent, so that its pin can be given to people.

    It is for our own CA's, and for one that was installed for the key that was here.
    """
    return is_own(folder, leaf) or CertificateState.read(folder).installed == _fingerprint(leaf)


def read_key(data: bytes, name: object) -> PrivateKeyTypes:
    """Return a private key in PEM. Raises SetupError, naming the file."""
    try:
        return load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise SetupError(f"{name} contains no readable key without a passphrase") from error


def ends_soon(leaf: x509.Certificate, now: datetime | None = None) -> bool:
    """Return whether less is left than if renewals worked: a sixth of its life, 14 days at most."""
    left = leaf.not_valid_after_utc - (now or datetime.now(UTC))
    return left < min(_SOON, (leaf.not_valid_after_utc - leaf.not_valid_before_utc) / 6)


def _fingerprint(leaf: x509.Certificate) -> str:
    return leaf.fingerprint(hashes.SHA256()).hex()
