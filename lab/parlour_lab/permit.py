"""The operator's permit to drill a server elsewhere, and that server.

`parlour-server drill-permit` writes it on the server's machine, signed with the server's TLS key, for some
minutes. A drill compares it with the certificate that the server shows: a permit of another server, for
another name, or an expired one, opens nothing. The invite in it makes the accounts that attack.
"""

import json
import secrets
import socket
import ssl
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from parlour_lab.wire import PATIENCE, ServerAddress
from parlour_server.chat.capabilities.drill_permits.permit import CONTEXT

_MEMBERS: Final = {"names", "expires", "nonce", "invite"}
_PORT: Final = 8443
_LONGEST: Final = 24 * 3600


class PermitError(Exception):
    """The permit opens nothing; the text says why."""


@dataclass(frozen=True)
class Permit:
    """A permit that was checked against the certificate of its server."""

    host: str
    port: int
    name: str
    """By which the server knows itself."""
    leaf: bytes
    """Its certificate (DER): the only one that is accepted."""
    invite: str
    expires: int

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {**self.__dict__, "leaf": self.leaf.hex()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Permit":
        """Read what ``as_json`` wrote."""
        return cls(**{**found, "leaf": bytes.fromhex(found["leaf"])})


def check_permit(file: Path, url: str, *, now: float | None = None) -> Permit:
    """Return the permit in a file, for this server. Raises PermitError."""
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
        signed, signature = whole["permit"], urlsafe_b64decode(whole["signature"])
        permit = json.loads(signed)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PermitError(f"{file} is not a permit: `parlour-server drill-permit` writes one.") from error
    if not isinstance(permit, dict) or set(permit) != _MEMBERS:
        raise PermitError(f"{file} is not a permit of this version of Parlour.")
    parts = urlsplit(url if "//" in url else f"//{url}")
    host, port = parts.hostname or "", parts.port or _PORT
    leaf = _leaf_of(host, port)
    if not _is_signed(leaf, CONTEXT + signed.encode(), signature):
        raise PermitError(f"The key of {host}:{port} did not sign this permit: it is for another server.")
    left = permit["expires"] / 1000 - (time.time() if now is None else now)
    if not 0 < left <= _LONGEST:
        raise PermitError("The permit has expired; ask the server's operator for another.")
    if host not in permit["names"]:
        raise PermitError(f"The permit is for {', '.join(permit['names'])}, not for {host}.")
    return Permit(host, port, host, leaf, permit["invite"], permit["expires"])


def _leaf_of(host: str, port: int) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: it only fetches the certificate
    try:
        with (
            socket.create_connection((host, port), PATIENCE) as raw,
            context.wrap_socket(raw, server_hostname=host) as wire,
        ):
            leaf = wire.getpeercert(binary_form=True)
    except OSError as error:
        raise PermitError(f"{host}:{port} can't be reached: {error}") from error
    if not leaf:
        raise PermitError(f"{host}:{port} shows no certificate.")
    return leaf


def _is_signed(leaf: bytes, data: bytes, signature: bytes) -> bool:
    key = x509.load_der_x509_certificate(leaf).public_key()
    try:
        match key:
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            case rsa.RSAPublicKey():
                key.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
            case ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case _:
                return False
    except InvalidSignature:
        return False
    return True


class RemoteServer(ServerAddress):
    """A server elsewhere, whose operator has permitted a drill."""

    def __init__(self, permit: Permit) -> None:
        """Accept exactly the certificate that the permit was checked against."""
        super().__init__(permit.host, permit.port, name=permit.name, ca=ssl.DER_cert_to_PEM_cert(permit.leaf))
        self.invite_code = permit.invite
        self._expires = permit.expires
        self._made: dict[str, str] = {}

    def context(self) -> ssl.SSLContext:
        """Return a context that accepts one certificate."""
        context = super().context()
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def session(self, user: str = "mallory") -> str:
        """Return the session of an account that is made for this drill when it is first needed."""
        if time.time() * 1000 > self._expires:
            raise PermitError("The permit has expired.")
        if user not in self._made:
            self._made[user] = self.newcomer(f"drill-{secrets.token_hex(3)}-{user}")
        return self._made[user]

    def log_out(self) -> None:
        """End the sessions of this drill."""
        for session in self._made.values():
            self.api("DELETE", "/v1/sessions/current", headers={"Authorization": f"Bearer {session}"})
