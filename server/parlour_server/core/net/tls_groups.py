"""The server's key exchange groups: only X25519MLKEM768, X25519, P-256 and P-384 (T2).

Python 3.15 has a call for it (``SSLContext.set_groups``). Before that the one documented way is an OpenSSL
configuration file, which OpenSSL reads once in a process, when it is first used: ``configure`` sets
OPENSSL_CONF before that, and if something was quicker, it restarts the command in the same process. An
operator's own OPENSSL_CONF is left as it is. ``taken_besides`` asks OpenSSL which other groups it would
accept, so that a server where nothing worked can report it.
``set_ecdh_curve`` is never called: it would silently switch X25519MLKEM768 off (T3: recorded now, decrypted
later).
"""

import os
import ssl
import struct
import sys
from collections.abc import MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_VARIABLE: Final = "OPENSSL_CONF"
HAS_HYBRID: Final = ssl.OPENSSL_VERSION_INFO >= (3, 5)
"""This OpenSSL has the post-quantum hybrid X25519MLKEM768."""
_NUMBERS: Final = {"X25519MLKEM768": 0x11EC, "X25519": 0x001D, "secp256r1": 0x0017, "secp384r1": 0x0018}
GROUPS: Final = tuple(_NUMBERS)[0 if HAS_HYBRID else 1 :]
GROUP_LIST: Final = ("X25519MLKEM768/" if HAS_HYBRID else "") + "X25519:secp256r1:secp384r1"
"""As OpenSSL reads it. A client that has the group before the stroke is asked for it, also if it began with
another; in a list without a stroke the server would take what the client began with (T3)."""
_OTHERS: Final = {
    "P-521": 0x0019,
    "X448": 0x001E,
    "brainpoolP256r1tls13": 0x001F,
    "brainpoolP384r1tls13": 0x0020,
    "brainpoolP512r1tls13": 0x0021,
    "ffdhe2048": 0x0100,
    "ffdhe3072": 0x0101,
    "ffdhe4096": 0x0102,
    "MLKEM512": 0x0200,
    "MLKEM768": 0x0201,
    "MLKEM1024": 0x0202,
    "SecP256r1MLKEM768": 0x11EB,
    "SecP384r1MLKEM1024": 0x11ED,
}
"""Further groups that some OpenSSL accepts, with their numbers in the registry "TLS Supported Groups"."""


def configure(
    arguments: Sequence[str] | None = None, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Set OPENSSL_CONF if Python cannot choose groups, and restart this command if that is too late.

    The process stays the same (id, open files), so that its parent notices nothing.
    """
    given = sys.orig_argv if arguments is None else arguments
    if sys.version_info >= (3, 15) or _VARIABLE in environment or not sys.executable:
        return
    environment[_VARIABLE] = os.fspath(_HERE / ("openssl.cnf" if HAS_HYBRID else "openssl-before-3.5.cnf"))
    if not _are_offered():
        os.execv(sys.executable, [sys.executable, *given[1:]])  # noqa: S606 - this very command


def operator_configures() -> bool:
    """Return whether OPENSSL_CONF is set to something that is not ours."""
    return _VARIABLE in os.environ and Path(os.environ[_VARIABLE]).parent != _HERE


def narrow(context: ssl.SSLContext) -> None:
    """Choose the groups if Python can."""
    if sys.version_info >= (3, 15):
        context.set_groups(GROUP_LIST)


def taken_besides(context: ssl.SSLContext) -> list[str]:
    """Return the groups beyond ``GROUPS`` in which this context of a server would exchange keys."""
    return [name for name, number in _OTHERS.items() if _takes(context, number)]


def _are_offered() -> bool:
    """Return whether a client in this process, which is configured as a server is, would offer ``GROUPS``."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return _supported_groups(*(_NUMBERS[name] for name in GROUPS)) in outgoing.read()


def _takes(context: ssl.SSLContext, group: int) -> bool:
    """Offer only this group, without a key share: a server that accepts it asks for one, others refuse."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(_client_hello(group))
    try:
        server.do_handshake()
    except ssl.SSLWantReadError:
        return True
    except ssl.SSLError:
        return False
    return True


def _client_hello(group: int) -> bytes:
    """Return a ClientHello of TLS 1.3 (RFC 8446 section 4.1.2) in one record."""
    extensions = _supported_groups(group) + b"".join(
        struct.pack("!HH", number, len(body)) + body
        for number, body in (
            (13, struct.pack("!HHH", 4, 0x0403, 0x0804)),  # signature_algorithms: ECDSA P-256, RSA-PSS
            (43, b"\x02\x03\x04"),  # supported_versions: TLS 1.3
            (51, b"\x00\x00"),  # key_share: none
        )
    )
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    hello += struct.pack("!H", len(extensions)) + extensions
    handshake = b"\x01" + len(hello).to_bytes(3, "big") + hello
    return b"\x16\x03\x01" + struct.pack("!H", len(handshake)) + handshake


def _supported_groups(*groups: int) -> bytes:
    """Return the extension of a ClientHello (RFC 8446 section 4.2.7)."""
    size = 2 * len(groups)
    return struct.pack(f"!HHH{len(groups)}H", 10, size + 2, size, *groups)
