"""Extensions in a group's context: what members must support, who outside may propose.

The extensions of RFC 9420 sections 11.1 and 12.1.8.1, out of and into their opaque data; whether one is
acceptable is for `leaf_rules` and the policy to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from parlour_mls.codec import Reader, decode, u16_vec, vec, vec_of
from parlour_mls.messages.leaf_node import MAX_EXTENSIONS, Credential


@dataclass(frozen=True, slots=True)
class RequiredCapabilities:
    """The required capabilities of every member (section 11.1)."""

    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """Write it."""
        return u16_vec(self.extensions) + u16_vec(self.proposals) + u16_vec(self.credentials)

    @classmethod
    def decode(cls, data: bytes) -> "RequiredCapabilities":
        """Read it from an extension's data; a value named twice counts once, so that naming costs nothing."""
        return decode(lambda r: cls(_once(r.u16s()), _once(r.u16s()), _once(r.u16s())), data)


def _once(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(values))


@dataclass(frozen=True, slots=True)
class ExternalSender:
    """Someone outside who may make proposals (section 12.1.8.1)."""

    signature_key: bytes
    credential: Credential

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.signature_key) + self.credential.encode()

    @classmethod
    def read(cls, r: Reader) -> "ExternalSender":
        """Read it."""
        return cls(r.vec(), Credential.read(r))


def encode_external_senders(senders: Iterable[ExternalSender]) -> bytes:
    """Write the data of the external_senders extension."""
    return vec_of(s.encode() for s in senders)


def decode_external_senders(data: bytes) -> tuple[ExternalSender, ...]:
    """Read the data of the external_senders extension."""
    return decode(lambda r: r.many(ExternalSender.read, MAX_EXTENSIONS), data)
