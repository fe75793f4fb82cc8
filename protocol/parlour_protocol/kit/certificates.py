"""What names a server whatever its certificate says: the SHA-256 of its public key, as RFC 7469 pins keys.

Only the outline of a certificate is read, by the order of RFC 5280 section 4.1, and only strict DER: each tag
must be the expected one, each length definite and as short as it can be. A certificate can be read in one
way or not at all, so that nobody can show TLS one key and this function another.
"""

from hashlib import sha256
from typing import Final

_INTEGER: Final = 0x02
_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0


def public_key_digest(certificate: bytes) -> bytes:
    """Return the SHA-256 of the SubjectPublicKeyInfo of a certificate (both DER). Raises ValueError."""
    _, fields, behind = _element(certificate, _SEQUENCE)
    if behind:
        raise ValueError("something follows the certificate")
    _, rest, _ = _element(fields, _SEQUENCE)
    if rest[:1] == bytes([_VERSION]):
        _, _, rest = _element(rest, _VERSION)
    for tag in (_INTEGER, *[_SEQUENCE] * 4):  # serial number, signature, issuer, validity, subject
        _, _, rest = _element(rest, tag)
    return sha256(_element(rest, _SEQUENCE)[0]).digest()


def _element(data: bytes, tag: int) -> tuple[bytes, bytes, bytes]:
    """Return the first element of some DER, its content, and what follows. Raises ValueError."""
    if len(data) < 2 or data[0] != tag:  # noqa: PLR2004 - a tag and a length
        raise ValueError("another element is expected here")
    size, start = data[1], 2
    if size >= 0x80:  # noqa: PLR2004 - X.690 section 8.1.3.5: the length of the length
        start += size - 0x80
        size = int.from_bytes(data[2:start], "big")
        if size < 0x80 or size >> (start - 3) * 8 == 0:  # noqa: PLR2004 - X.690 section 10.1
            raise ValueError("a length is not written as DER has it")
    if len(data) < start + size:
        raise ValueError("an element ends too early")
    return data[: start + size], data[start : start + size], data[start + size :]
