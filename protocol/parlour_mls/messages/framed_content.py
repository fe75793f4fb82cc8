"""The content of messages: commits, framed content, signatures (RFC 9420 section 6).

The structures know their own encodings and nothing about keys; `message_protection` protects and checks them.
"""

from dataclasses import dataclass
from typing import TypeAlias

from parlour_mls.codec import (
    ContentType,
    Reader,
    SenderType,
    WireFormat,
    optional,
    u8,
    u16,
    u32,
    u64,
    vec,
    vec_of,
)
from parlour_mls.crypto import HASH_SIZE, OUTPUT_SIZES, PUBLIC_SIZES, HpkeCiphertext
from parlour_mls.errors import MalformedError
from parlour_mls.messages.leaf_node import LeafNode
from parlour_mls.messages.proposals import Proposal, encode_proposal, read_proposal

MAX_PROPOSALS = 4_096
"""Proposals in one commit."""
MAX_PATH = 32
"""Nodes in an update path: leaf indices have 32 bits, so no path is longer."""
MAX_CIPHERTEXTS = 16_384
"""Ciphertexts for one node of a path: one for each member below its other child, at worst."""


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender: `index` is a leaf, or a place in external_senders; new members have none (section 6)."""

    type: SenderType
    index: int = 0

    def encode(self) -> bytes:
        """Write it."""
        return u8(self.type) + (
            u32(self.index) if self.type in {SenderType.MEMBER, SenderType.EXTERNAL} else b""
        )

    @classmethod
    def read(cls, r: Reader) -> "Sender":
        """Read it."""
        value = r.u8()
        if value not in list(SenderType):
            raise MalformedError(f"there is no sender type {value}")
        kind = SenderType(value)
        return cls(kind, r.u32() if kind in {SenderType.MEMBER, SenderType.EXTERNAL} else 0)


def member(leaf_index: int) -> Sender:
    """Name a member by its leaf."""
    return Sender(SenderType.MEMBER, leaf_index)


def read_ciphertext(r: Reader) -> HpkeCiphertext:
    """Read an HPKECiphertext."""
    return HpkeCiphertext(r.one_of(OUTPUT_SIZES, "a KEM output"), r.vec())


@dataclass(frozen=True, slots=True)
class UpdatePathNode:
    """A node's new public key, and its path secret for each key below its other child (section 7.6)."""

    encryption_key: bytes
    encrypted_path_secret: tuple[HpkeCiphertext, ...]

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.encryption_key) + vec_of(c.encode() for c in self.encrypted_path_secret)

    @classmethod
    def read(cls, r: Reader) -> "UpdatePathNode":
        """Read it."""
        return cls(r.one_of(PUBLIC_SIZES, "an encryption key"), r.many(read_ciphertext, MAX_CIPHERTEXTS))


@dataclass(frozen=True, slots=True)
class UpdatePath:
    """The committer's new leaf and the nodes of its filtered direct path (section 7.6)."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    def encode(self) -> bytes:
        """Write it."""
        return self.leaf_node.encode() + vec_of(n.encode() for n in self.nodes)

    @classmethod
    def read(cls, r: Reader) -> "UpdatePath":
        """Read it."""
        return cls(LeafNode.read(r), r.many(UpdatePathNode.read, MAX_PATH))


ProposalOrRef: TypeAlias = Proposal | bytes
"""A proposal, or the reference of one that was sent before."""

_BY_VALUE, _BY_REFERENCE = 1, 2


def _encode_item(item: ProposalOrRef) -> bytes:
    if isinstance(item, bytes):
        return u8(_BY_REFERENCE) + vec(item)
    return u8(_BY_VALUE) + encode_proposal(item)


def _read_item(r: Reader) -> ProposalOrRef:
    kind = r.u8()
    if kind == _BY_VALUE:
        return read_proposal(r)
    if kind == _BY_REFERENCE:
        return r.exactly(HASH_SIZE, "a proposal reference")
    raise MalformedError(f"there is no kind {kind} of proposal or reference")


@dataclass(frozen=True, slots=True)
class Commit:
    """The proposals that take effect, and fresh keys (section 12.4)."""

    proposals: tuple[ProposalOrRef, ...]
    path: UpdatePath | None

    def encode(self) -> bytes:
        """Write it."""
        path = None if self.path is None else self.path.encode()
        return vec_of(_encode_item(p) for p in self.proposals) + optional(path)

    @classmethod
    def read(cls, r: Reader) -> "Commit":
        """Read it."""
        return cls(r.many(_read_item, MAX_PROPOSALS), r.optional(UpdatePath.read))


Body: TypeAlias = bytes | Proposal | Commit


def content_type(body: Body) -> ContentType:
    """Tell the kind of a body."""
    if isinstance(body, bytes):
        return ContentType.APPLICATION
    return ContentType.COMMIT if isinstance(body, Commit) else ContentType.PROPOSAL


def read_content_type(r: Reader) -> ContentType:
    """Read a ContentType."""
    value = r.u8()
    if value not in list(ContentType):
        raise MalformedError(f"there is no content type {value}")
    return ContentType(value)


def encode_body(body: Body) -> bytes:
    """Write a body without its type."""
    if isinstance(body, bytes):
        return vec(body)
    return body.encode() if isinstance(body, Commit) else encode_proposal(body)


def read_body(r: Reader, kind: ContentType) -> Body:
    """Read a body of a known type."""
    if kind is ContentType.APPLICATION:
        return r.vec()
    return Commit.read(r) if kind is ContentType.COMMIT else read_proposal(r)


@dataclass(frozen=True, slots=True)
class FramedContent:
    """A body with where it belongs and who sends it (section 6)."""

    group_id: bytes
    epoch: int
    sender: Sender
    authenticated_data: bytes
    body: Body

    def encode(self) -> bytes:
        """Write it."""
        head = vec(self.group_id) + u64(self.epoch) + self.sender.encode() + vec(self.authenticated_data)
        return head + u8(content_type(self.body)) + encode_body(self.body)

    @classmethod
    def read(cls, r: Reader) -> "FramedContent":
        """Read it."""
        group_id, epoch, sender, data = r.vec(), r.u64(), Sender.read(r), r.vec()
        return cls(group_id, epoch, sender, data, read_body(r, read_content_type(r)))


@dataclass(frozen=True, slots=True)
class AuthData:
    """The signature, and in a commit the confirmation tag (section 6.1)."""

    signature: bytes
    confirmation_tag: bytes | None

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.signature) + (b"" if self.confirmation_tag is None else vec(self.confirmation_tag))

    @classmethod
    def read(cls, r: Reader, kind: ContentType) -> "AuthData":
        """Read it; only a commit has a tag."""
        return cls(r.vec(), r.vec() if kind is ContentType.COMMIT else None)


@dataclass(frozen=True, slots=True)
class AuthenticatedContent:
    """Content with its authentication, as it is hashed and referred to (section 6)."""

    wire_format: WireFormat
    content: FramedContent
    auth: AuthData

    def encode(self) -> bytes:
        """Write it."""
        return u16(self.wire_format) + self.content.encode() + self.auth.encode()

    @classmethod
    def read(cls, r: Reader) -> "AuthenticatedContent":
        """Read it."""
        wire_format = read_wire_format(r)
        content = FramedContent.read(r)
        return cls(wire_format, content, AuthData.read(r, content_type(content.body)))


def read_wire_format(r: Reader) -> WireFormat:
    """Read a WireFormat."""
    value = r.u16()
    if value not in list(WireFormat):
        raise MalformedError(f"there is no wire format {value}")
    return WireFormat(value)
