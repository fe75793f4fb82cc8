"""How the client verifies its server before it sends a credential: system roots, a CA file, or a pin.

Every context here verifies inside the TLS stack (CERT_REQUIRED, TLS 1.3 at least); nothing can turn it off. A
pin is the SHA-256 of the leaf's SubjectPublicKeyInfo: a probe, a TLS handshake without a byte of application
data, fetches the leaf, the pin is compared, and real connections then accept exactly that leaf. ``https`` and
``websocket`` take their context from here.
"""

import asyncio
import base64
import hmac
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parlour_client.kit.errors import CertificateError, PinChangedError, SetupError, UnreachableError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.certificates import public_key_digest
from parlour_protocol.kit.invite_link import ServerAddress

PROBE_SECONDS: Final = 10
_MAX_CA_BYTES: Final = 1 << 20
_PIN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class SystemRoots:
    """The certificate authorities that this system trusts, and the host name."""

    words = N_("certificate checked by this system's roots")


@dataclass(frozen=True, slots=True)
class CaFile:
    """Only the authorities in one PEM text, and the host name."""

    pem: str
    words = N_("certificate checked by your CA file")

    @classmethod
    def read(cls, path: Path) -> "CaFile":
        """Read a PEM file. Raises SetupError."""
        try:
            if path.stat().st_size > _MAX_CA_BYTES:
                raise SetupError(
                    _("{path} is too large for a CA file.").format(path=path),
                    _("Name a PEM file with a certificate."),
                )
            trust = cls(path.read_text(encoding="ascii"))
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=trust.pem)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise SetupError(
                _("{path} cannot be read as a CA file.").format(path=path),
                _("Name a PEM file with a certificate."),
            ) from error
        return trust


@dataclass(frozen=True, slots=True)
class Pin:
    """One public key: 43 characters of base64url."""

    value: str
    words = N_("key pinned")

    @classmethod
    def parse(cls, text: str) -> "Pin":
        """Parse a pin from a link. Raises SetupError."""
        if not _PIN.match(text.strip()):
            raise SetupError(
                _("That isn't a pin."), _("A pin has 43 characters; the server's `doctor` shows it.")
            )
        return cls(text.strip())


Trust = SystemRoots | CaFile | Pin


def pin_of(leaf: bytes) -> str:
    """Return the pin of a certificate (DER). Raises ValueError for anything else."""
    return base64.urlsafe_b64encode(public_key_digest(leaf)).rstrip(b"=").decode()


class Verifier:
    """Makes TLS contexts for one server. With a pin it remembers the leaf that it probed."""

    def __init__(self, address: ServerAddress, trust: Trust) -> None:
        self.address = address
        self.trust = trust
        self._context: ssl.SSLContext | None = None

    async def context(self) -> ssl.SSLContext:
        """Return a context that accepts only the right server. Raises PinChangedError, UnreachableError."""
        if self._context is None:
            self._context = await self._made()
        return self._context

    async def pin(self) -> str | None:
        """Return a pin that tells others who this server is; None where the system's authorities do.

        Raises CertificateError, UnreachableError: a private authority must vouch for the key first.
        """
        match self.trust:
            case SystemRoots():
                return None
            case Pin(value):
                return value
            case CaFile():
                return pin_of(await _leaf_of(self.address, await self.context()))

    def forget(self) -> None:
        """Probe again next time: a leaf may be renewed under the same key, and the pin decides."""
        self._context = None

    async def _made(self) -> ssl.SSLContext:
        context = _client_context()
        match self.trust:
            case SystemRoots():
                context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            case CaFile(pem):
                context.load_verify_locations(cadata=pem)
            case Pin(value):
                leaf = await _probe(self.address)
                if not hmac.compare_digest(pin_of(leaf), value):
                    raise PinChangedError(
                        _(
                            "The server at {authority} shows a different key from the pinned one. "
                            "Nothing was sent to it."
                        ).format(authority=self.address.authority)
                    )
                # The pinned key decides; the name in a self-signed certificate proves nothing.
                context.check_hostname = False
                context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
                context.load_verify_locations(cadata=leaf)
        return context


def _client_context() -> ssl.SSLContext:
    """Return a context that verifies and trusts no authority yet.

    No groups are set: ``set_ecdh_curve`` would silently turn the post-quantum hybrid off.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # CERT_REQUIRED and check_hostname are its defaults
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _probe(address: ServerAddress) -> bytes:
    """Return the leaf that the server shows, verified by nothing."""
    context = _client_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # no data goes over it: it only fetches the leaf
    return await _leaf_of(address, context)


async def _leaf_of(address: ServerAddress, context: ssl.SSLContext) -> bytes:
    """Return the leaf after a handshake by ``context``, in which nothing is sent to the server."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _reader, writer = await asyncio.open_connection(
                address.host, address.port, ssl=context, server_hostname=address.host
            )
    except (OSError, TimeoutError) as error:
        raise unreachable(address, error) from error
    try:
        leaf: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True) or b""
        public_key_digest(leaf)
    except ValueError as error:
        raise CertificateError(
            _("The server at {authority} shows no certificate. Nothing was sent to it.").format(
                authority=address.authority
            )
        ) from error
    finally:
        writer.transport.abort()
    return leaf


def unreachable(address: ServerAddress, error: Exception) -> CertificateError | UnreachableError:
    """Say why a connection failed: an invalid certificate, or an unreachable server."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = _(_CERTIFICATE_WORDS.get(cause.verify_code, N_("it is not valid")))
            return CertificateError(
                _("The certificate of {authority} is not accepted: {reason}. Nothing was sent to it.").format(
                    authority=address.authority, reason=reason
                )
            )
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLWantReadError):
            return UnreachableError(
                _("{authority} does not speak TLS 1.3 as it should.").format(authority=address.authority)
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError):
        return UnreachableError(_("{authority} did not answer in time.").format(authority=address.authority))
    if isinstance(error, ConnectionRefusedError):
        return UnreachableError(_("Nothing is listening at {authority}.").format(authority=address.authority))
    return UnreachableError(_("No connection to {authority}.").format(authority=address.authority))


# X509_V_ERR_… of OpenSSL; its own sentences may quote the certificate
_CERTIFICATE_WORDS: Final = {
    9: N_("it is not valid yet (is this machine's clock right?)"),
    10: N_("it has expired (or this machine's clock is wrong)"),
    18: N_("it is self-signed"),
    19: N_("no authority that you trust signed it"),
    20: N_("no authority that you trust signed it"),
    21: N_("no authority that you trust signed it"),
    62: N_("it is for another host name"),
    64: N_("it is for another address"),
}


def security_words(trust: Trust, version: str | None) -> str:
    """Return the connection's protection in our own words, for the status line."""
    return _("not connected") if version is None else f"{version.replace('TLSv', 'TLS ')}, {_(trust.words)}"
