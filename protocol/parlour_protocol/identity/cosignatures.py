"""Cosignatures of a key log's head by a witness, as C2SP defines them.

A witness signs the checkpoint (``Head.to_be_signed``) with the time after it has seen that the head extends
the last one it signed: `cosignature/v1` of tlog-cosignature, in a line of a signed note. Its name and public
key are a `vkey`. Ed25519 only. Callers pass the ``verify`` function.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Final, Self

from parlour_protocol.identity.certificates import Verify
from parlour_protocol.identity.errors import StatementError

_ED25519: Final = 0x01
"""The type of a log's own signature of its head."""
_COSIGNATURE: Final = 0x04
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_LATEST: Final = 2**63 - 1
LONGEST_NAME: Final = 100
_NAME: Final = re.compile(rf"[!-*,-~]{{1,{LONGEST_NAME}}}")
"""C2SP forbids spaces, control characters and a plus; here names are ASCII, too, as they are shown."""
LONGEST_VKEY: Final = LONGEST_NAME + 1 + 2 * _ID_BYTES + 1 + 44
LONGEST_LINE: Final = LONGEST_NAME + 4 + 104


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's signature of a checkpoint at a time, in seconds since 1970."""

    at: int
    signature: bytes

    def to_be_signed(self, checkpoint: bytes) -> bytes:
        """Return what a witness signs."""
        return to_be_cosigned(checkpoint, self.at)


def to_be_cosigned(checkpoint: bytes, at: int) -> bytes:
    """Return what a witness signs at this time, in seconds since 1970."""
    return b"cosignature/v1\ntime %d\n%b" % (at, checkpoint)


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The name and the public key of a witness."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a vkey of a witness: `NAME+ID+KEY`. Raises StatementError."""
        name, _, rest = vkey.partition("+")
        given, _, encoded = rest.partition("+")
        data = _decoded(encoded)
        if not _NAME.fullmatch(name) or len(data) != 1 + _KEY_BYTES:
            raise StatementError("this is not the key of a witness, which is NAME+ID+KEY")
        if data[0] != _COSIGNATURE:
            raise StatementError("this key is not for Ed25519 cosignatures (type 4)")
        made = cls(name, data[1:])
        if given != made.id.hex():
            raise StatementError("the key of the witness is damaged: its name, ID and key do not match")
        return made

    @property
    def id(self) -> bytes:
        """The key ID: four bytes, which identify the key together with the name."""
        return key_id(self.name, _COSIGNATURE, self.key)

    @property
    def vkey(self) -> str:
        """The line that people who trust this witness are given."""
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([_COSIGNATURE]) + self.key).decode()}"

    def line(self, cosignature: Cosignature) -> str:
        """Return the line of a signed note, without its end."""
        return _line(self.name, self.id + cosignature.at.to_bytes(_TIME_BYTES, "big") + cosignature.signature)

    def read(self, line: str, checkpoint: bytes, verify: Verify) -> Cosignature:
        """Read this witness's line and verify it. Raises StatementError, also for another witness's."""
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        data = _decoded(encoded)
        if dash != "\N{EM DASH}" or name != self.name or data[:_ID_BYTES] != self.id:
            raise StatementError("this is not a cosignature by this witness")
        if len(data) != _ID_BYTES + _TIME_BYTES + _SIGNATURE_BYTES:
            raise StatementError("the cosignature has a wrong length")
        at = int.from_bytes(data[_ID_BYTES : _ID_BYTES + _TIME_BYTES], "big")
        made = Cosignature(at, data[_ID_BYTES + _TIME_BYTES :])
        if at > _LATEST or not verify(self.key, made.to_be_signed(checkpoint), made.signature):
            raise StatementError("the cosignature does not hold")
        return made


def log_line(origin: str, key: bytes, signature: bytes) -> str:
    """Return the line of a signed note with the log's own signature of its head, without its end."""
    return _line(origin, key_id(origin, _ED25519, key) + signature)


def key_id(name: str, kind: int, key: bytes) -> bytes:
    """Return the ID of a key for signatures of this type (signed-note)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:_ID_BYTES]


def _line(name: str, data: bytes) -> str:
    return f"\N{EM DASH} {name} {b64encode(data).decode()}"


def _decoded(text: str) -> bytes:
    """Return the bytes of canonical base64; other text has none."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return b""
    return data if b64encode(data).decode() == text else b""
