"""A permit to attack this server for some minutes, signed with its TLS key: that proves control of it."""

import json
from base64 import urlsafe_b64encode
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.secret import Secret
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.certificate_chain import names_of
from parlour_server.host.setup.certificate_state import read_key
from parlour_server.host.setup.certificates import read_certificate

CONTEXT: Final = b"Parlour drill permit v1\0"
"""The prefix of what is signed; nothing else that this key signs begins with it."""


def write_permit(folder: DataFolder, invite: Secret, expires: Millis) -> bytes:
    """Return the file's content: the server's names, an end, an invite, a signature. Raises SetupError."""
    text = json.dumps(
        {
            "names": names_of(read_certificate(folder.certificate)),
            "expires": expires,
            "nonce": Secret.random().reveal(),
            "invite": invite.reveal(),
        }
    )
    signature = _signed(folder, CONTEXT + text.encode())
    return json.dumps({"permit": text, "signature": urlsafe_b64encode(signature).decode()}).encode()


def _signed(folder: DataFolder, data: bytes) -> bytes:
    match read_key(folder.key.read_bytes(), folder.key):
        case ec.EllipticCurvePrivateKey() as key:
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        case rsa.RSAPrivateKey() as key:
            return key.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        case ed25519.Ed25519PrivateKey() as key:
            return key.sign(data)
        case _:
            raise SetupError(f"{folder.key} is of a kind that signs no permits; use ECDSA, RSA or Ed25519")
