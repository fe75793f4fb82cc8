"""The seven proposals of RFC 9420 section 12.1 and the identifiers of pre-shared keys (section 8.4).

A proposal of another type cannot be read, because its length is not on the wire; such a message is refused
whole, which is what section 12.2 asks of a member that does not support the type.
"""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from parlour_mls.codec import ProposalType, Reader, ResumptionUsage, u8, u16, u32, u64, vec
from parlour_mls.errors import MalformedError
from parlour_mls.messages.key_package import KeyPackage
from parlour_mls.messages.leaf_node import Extensions, LeafNode, encode_extensions, read_extensions

_EXTERNAL_PSK, _RESUMPTION_PSK = 1, 2


@dataclass(frozen=True, slots=True)
class ExternalPskId:
    """Names a pre-shared key that the application provides."""

    psk_id: bytes
    nonce: bytes

    def encode(self) -> bytes:
        """Write it."""
        return u8(_EXTERNAL_PSK) + vec(self.psk_id) + vec(self.nonce)


@dataclass(frozen=True, slots=True)
class ResumptionPskId:
    """Names the resumption secret of an epoch of some group (section 8.6)."""

    usage: ResumptionUsage
    group_id: bytes
    epoch: int
    nonce: bytes

    def encode(self) -> bytes:
        """Write it."""
        return u8(_RESUMPTION_PSK) + u8(self.usage) + vec(self.group_id) + u64(self.epoch) + vec(self.nonce)


PskId: TypeAlias = ExternalPskId | ResumptionPskId


def read_psk_id(r: Reader) -> PskId:
    """Read a PreSharedKeyID."""
    kind = r.u8()
    if kind == _EXTERNAL_PSK:
        return ExternalPskId(r.vec(), r.vec())
    if kind != _RESUMPTION_PSK:
        raise MalformedError(f"there is no PSK type {kind}")
    usage = r.u8()
    if usage not in list(ResumptionUsage):
        raise MalformedError(f"there is no resumption PSK usage {usage}")
    return ResumptionPskId(ResumptionUsage(usage), r.vec(), r.u64(), r.vec())


@dataclass(frozen=True, slots=True)
class Add:
    """Ask for a new member (section 12.1.1)."""

    key_package: KeyPackage
    type: ClassVar[ProposalType] = ProposalType.ADD

    def body(self) -> bytes:
        """Write it without its type."""
        return self.key_package.encode()


@dataclass(frozen=True, slots=True)
class Update:
    """Replace the sender's leaf (section 12.1.2)."""

    leaf_node: LeafNode
    type: ClassVar[ProposalType] = ProposalType.UPDATE

    def body(self) -> bytes:
        """Write it without its type."""
        return self.leaf_node.encode()


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a member (section 12.1.3)."""

    removed: int
    type: ClassVar[ProposalType] = ProposalType.REMOVE

    def body(self) -> bytes:
        """Write it without its type."""
        return u32(self.removed)


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """Mix a pre-shared key into the next epoch (section 12.1.4)."""

    psk: PskId
    type: ClassVar[ProposalType] = ProposalType.PSK

    def body(self) -> bytes:
        """Write it without its type."""
        return self.psk.encode()


@dataclass(frozen=True, slots=True)
class ReInit:
    """Close this group in favour of a new one with other parameters (section 12.1.5)."""

    group_id: bytes
    version: int
    cipher_suite: int
    extensions: Extensions
    type: ClassVar[ProposalType] = ProposalType.REINIT

    def body(self) -> bytes:
        """Write it without its type."""
        numbers = u16(self.version) + u16(self.cipher_suite)
        return vec(self.group_id) + numbers + encode_extensions(self.extensions)

    @classmethod
    def read(cls, r: Reader) -> "ReInit":
        """Read it without its type."""
        return cls(r.vec(), r.u16(), r.u16(), read_extensions(r))


@dataclass(frozen=True, slots=True)
class ExternalInit:
    """Carry the init secret of an external commit (section 12.1.6)."""

    kem_output: bytes
    type: ClassVar[ProposalType] = ProposalType.EXTERNAL_INIT

    def body(self) -> bytes:
        """Write it without its type."""
        return vec(self.kem_output)


@dataclass(frozen=True, slots=True)
class GroupContextExtensions:
    """Replace the extensions of the group, all of them (section 12.1.7)."""

    extensions: Extensions
    type: ClassVar[ProposalType] = ProposalType.GROUP_CONTEXT_EXTENSIONS

    def body(self) -> bytes:
        """Write it without its type."""
        return encode_extensions(self.extensions)


Proposal: TypeAlias = Add | Update | Remove | PreSharedKey | ReInit | ExternalInit | GroupContextExtensions


def encode_proposal(proposal: Proposal) -> bytes:
    """Write a proposal with its type."""
    return u16(proposal.type) + proposal.body()


def read_proposal(r: Reader) -> Proposal:  # noqa: PLR0911 - one return for each type
    """Read a proposal."""
    kind = r.u16()
    match kind:
        case ProposalType.ADD:
            return Add(KeyPackage.read(r))
        case ProposalType.UPDATE:
            return Update(LeafNode.read(r))
        case ProposalType.REMOVE:
            return Remove(r.u32())
        case ProposalType.PSK:
            return PreSharedKey(read_psk_id(r))
        case ProposalType.REINIT:
            return ReInit.read(r)
        case ProposalType.EXTERNAL_INIT:
            return ExternalInit(r.vec())
        case ProposalType.GROUP_CONTEXT_EXTENSIONS:
            return GroupContextExtensions(read_extensions(r))
        case _:
            raise MalformedError(f"proposals of type {kind} are not supported by this client (section 12.2)")
