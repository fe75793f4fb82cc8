"""Takes a certificate, and perhaps its key, that another program got (`cert import`)."""

import os
import re
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from parlour_server.app.base_app import BaseApp
from parlour_server.core.clock import utc_text
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import (
    MOST_BYTES,
    CertificateChain,
    names_of,
    public_bytes,
)
from parlour_server.host.setup.certificate_source import source_of
from parlour_server.host.setup.certificate_state import install, read_key
from parlour_server.host.setup.certificates import pin_of
from parlour_server.host.setup.open_store import claim_keys, engine_for

STANDARD_INPUT: Final = Path("-")
_KEY: Final = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class ImportedCertificate:
    """The certificate that is there now; ``is_new`` unless it was there before."""

    is_new: bool
    names: tuple[str, ...]
    ends: str
    pin: str


def import_certificate(
    program: BaseApp[Any, Any],
    folder: DataFolder,
    settings: Settings,
    chain: Path,
    key: Path | None,
    begin: Callable[[], object],
    *,
    replace_key: bool,
) -> ImportedCertificate:
    """Check the files, then replace the server's certificate; `-` is standard input, for both of them.

    ``begin`` records it, if anything has to be changed, and before it is. Raises SetupError, and nothing has
    changed. Another key is refused unless it may ``replace_key``.
    """
    data = _read(chain)
    found = CertificateChain.parse(_KEY.sub(b"", data))
    old = read_key(folder.key.read_bytes(), folder.key)
    new = old if key is None else _read_key(key, data)
    is_other = public_bytes(new.public_key()) != public_bytes(old.public_key())
    if is_other and not replace_key:
        given = "standard input" if key == STANDARD_INPUT else key
        raise SetupError(
            f"the key in {given} is not the one in {folder.key}: clients and invite links with the old pin"
            " would refuse the server; let the other program keep its key (certbot: --reuse-key), or give"
            " --replace-key"
        )
    found.refuse(new.public_key(), source_of(program.capabilities, folder, settings).names, datetime.now(UTC))
    is_new = is_other or not folder.certificate.exists() or folder.certificate.read_bytes() != found.pem
    if is_new:
        begin()
        written = new.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if is_other else None
        install(folder, found, written)
    if is_other:
        claim_keys(program, folder, engine_for(program, folder, settings), replace=True)
    return ImportedCertificate(
        is_new,
        names_of(found.leaf),
        utc_text(found.leaf.not_valid_after_utc),
        pin_of(found.leaf),
    )


def _read(path: Path) -> bytes:
    if path == STANDARD_INPUT:
        return _bounded(sys.stdin.buffer.read(MOST_BYTES + 1), path)
    try:
        with path.open("rb") as file:
            return _bounded(file.read(MOST_BYTES + 1), path)
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from error


def _bounded(data: bytes, path: Path) -> bytes:
    if len(data) > MOST_BYTES:
        raise SetupError(f"{path} has more than {MOST_BYTES:,} bytes; give only the certificates and the key")
    return data


def _read_key(path: Path, standard_input: bytes) -> EllipticCurvePrivateKey | RSAPrivateKey:
    """Return the key of a file that no one else can read, or of standard input. Raises SetupError."""
    if path == STANDARD_INPUT:
        block = _KEY.search(standard_input)
        data = block[0] if block else b""
    else:
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise SetupError(f"cannot read {path}: {error.strerror}") from error
        if os.name == "posix" and mode & _OTHERS:
            raise SetupError(
                f"other users can access {path} (mode {stat.S_IMODE(mode):o}) and may have copied the key;"
                " make a new one"
            )
        data = _read(path)
    key = read_key(data, path)
    if not isinstance(key, EllipticCurvePrivateKey | RSAPrivateKey):
        raise SetupError(f"{path} is neither an ECDSA nor an RSA key, and TLS clients know no other")
    return key
