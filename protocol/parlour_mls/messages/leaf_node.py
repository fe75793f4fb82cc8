"""A member's leaf: credential, capabilities, signature (RFC 9420 section 7.2).

Decoding checks the shape and the sizes that the cipher suites fix, nothing else: whether a leaf may enter a
tree is the business of `leaf_rules`. Unknown extension and credential types are kept as they came.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from parlour_mls.codec import (
    BASIC_CREDENTIAL,
    DEFAULT_EXTENSIONS,
    DEFAULT_PROPOSALS,
    X25519_SUITE,
    LeafNodeSource,
    Reader,
    u8,
    u16,
    u16_vec,
    u32,
    u64,
    vec,
    vec_of,
)
from parlour_mls.crypto import KEY_SIZE, PROTOCOL_VERSION, PUBLIC_SIZES, SigningKey, verify
from parlour_mls.errors import MalformedError

MAX_EXTENSIONS = 256
"""Extensions in one list: far more than any group has, few enough that a list costs nothing."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension; its data is opaque to those who do not know the type (section 7.2)."""

    type: int
    data: bytes

    def encode(self) -> bytes:
        """Write it."""
        return u16(self.type) + vec(self.data)

    @classmethod
    def read(cls, r: Reader) -> "Extension":
        """Read it."""
        return cls(r.u16(), r.vec())


Extensions = tuple[Extension, ...]


def encode_extensions(extensions: Extensions) -> bytes:
    """Write `Extension extensions<V>`."""
    return vec_of(e.encode() for e in extensions)


def read_extensions(r: Reader) -> Extensions:
    """Read a list of extensions; the same type twice is refused (section 13.4)."""
    extensions = r.many(Extension.read, MAX_EXTENSIONS)
    if len({e.type for e in extensions}) != len(extensions):
        raise MalformedError("an extension list holds the same type twice")
    return extensions


def find_extension(extensions: Extensions, kind: int) -> bytes | None:
    """Give the data of the extension of that type, if it is there."""
    return next((e.data for e in extensions if e.type == kind), None)


@dataclass(frozen=True, slots=True)
class Credential:
    """A claimed identity; all types of credential are one opaque vector on the wire (section 5.3)."""

    type: int
    identity: bytes

    @classmethod
    def basic(cls, identity: bytes) -> "Credential":
        """Make a bare assertion of an identity."""
        return cls(BASIC_CREDENTIAL, identity)

    def encode(self) -> bytes:
        """Write it."""
        return u16(self.type) + vec(self.identity)

    @classmethod
    def read(cls, r: Reader) -> "Credential":
        """Read it."""
        return cls(r.u16(), r.vec())


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of a client (section 7.2)."""

    versions: tuple[int, ...] = (PROTOCOL_VERSION,)
    cipher_suites: tuple[int, ...] = (X25519_SUITE,)
    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = (BASIC_CREDENTIAL,)

    @classmethod
    def of(cls, extensions: Iterable[int], cipher_suites: tuple[int, ...]) -> "Capabilities":
        """State a client's own abilities; default types MUST NOT be listed (section 7.2)."""
        known = tuple(sorted(set(extensions) - DEFAULT_EXTENSIONS))
        return cls(cipher_suites=cipher_suites, extensions=known)

    def all_extensions(self) -> frozenset[int]:
        """Give all supported types: everyone supports the default ones, others who lists them."""
        return DEFAULT_EXTENSIONS.union(self.extensions)

    def all_proposals(self) -> frozenset[int]:
        """Give all supported types: everyone supports the default ones, others who lists them."""
        return DEFAULT_PROPOSALS.union(self.proposals)

    def encode(self) -> bytes:
        """Write them."""
        lists = (self.versions, self.cipher_suites, self.extensions, self.proposals, self.credentials)
        return b"".join(u16_vec(values) for values in lists)

    @classmethod
    def read(cls, r: Reader) -> "Capabilities":
        """Read them."""
        return cls(r.u16s(), r.u16s(), r.u16s(), r.u16s(), r.u16s())


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a key package may be used, in seconds since 1970 (section 7.2)."""

    not_before: int
    not_after: int

    def encode(self) -> bytes:
        """Write it."""
        return u64(self.not_before) + u64(self.not_after)

    @classmethod
    def read(cls, r: Reader) -> "Lifetime":
        """Read it."""
        return cls(r.u64(), r.u64())


@dataclass(frozen=True, slots=True)
class LeafNode:
    """A member's leaf; a key package's has a `lifetime`, a commit's a `parent_hash`, an update's neither."""

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    source: LeafNodeSource
    lifetime: Lifetime | None
    parent_hash: bytes | None
    extensions: Extensions
    signature: bytes = b""
    # Trees are hashed and sent again and again: a leaf that was decoded remembers its bytes. Never copied by
    # `replace`, so a changed leaf cannot carry the bytes of the old one.
    _encoded: bytes = field(init=False, repr=False, compare=False, default=b"")

    def _source_fields(self) -> bytes:
        if self.source is LeafNodeSource.KEY_PACKAGE and self.lifetime is not None:
            return self.lifetime.encode()
        if self.source is LeafNodeSource.COMMIT and self.parent_hash is not None:
            return vec(self.parent_hash)
        return b""

    def body(self) -> bytes:
        """Write everything above the signature."""
        return b"".join(
            (
                vec(self.encryption_key),
                vec(self.signature_key),
                self.credential.encode(),
                self.capabilities.encode(),
                u8(self.source),
                self._source_fields(),
                encode_extensions(self.extensions),
            )
        )

    def encode(self) -> bytes:
        """Write it."""
        return self._encoded or self.body() + vec(self.signature)

    def to_be_signed(self, group_id: bytes, leaf_index: int) -> bytes:
        """LeafNodeTBS (section 7.2)."""
        body = self._encoded[: -len(vec(self.signature))] if self._encoded else self.body()
        if self.source is LeafNodeSource.KEY_PACKAGE:
            return body
        return body + vec(group_id) + u32(leaf_index)  # a leaf made in a group is bound to its place there

    def signed(self, key: SigningKey, group_id: bytes = b"", leaf_index: int = 0) -> "LeafNode":
        """Sign it again."""
        unsigned = replace(self, signature_key=key.public)
        return replace(
            unsigned, signature=key.sign("LeafNodeTBS", unsigned.to_be_signed(group_id, leaf_index))
        )

    def check_signature(self, group_id: bytes = b"", leaf_index: int = 0) -> None:
        """Verify that the holder of `signature_key` made it, for this group and place (section 7.3)."""
        content = self.to_be_signed(group_id, leaf_index)
        verify(self.signature_key, "LeafNodeTBS", content, self.signature, "leaf node")

    @classmethod
    def read(cls, r: Reader) -> "LeafNode":
        """Read it."""
        start = r.position
        encryption_key = r.one_of(PUBLIC_SIZES, "an encryption key")
        signature_key = r.exactly(KEY_SIZE, "a signature key")
        credential = Credential.read(r)
        capabilities = Capabilities.read(r)
        source = _source(r.u8())
        lifetime = Lifetime.read(r) if source is LeafNodeSource.KEY_PACKAGE else None
        parent_hash = r.vec() if source is LeafNodeSource.COMMIT else None
        leaf = cls(
            encryption_key,
            signature_key,
            credential,
            capabilities,
            source,
            lifetime,
            parent_hash,
            read_extensions(r),
            r.vec(),
        )
        object.__setattr__(leaf, "_encoded", r.since(start))
        return leaf


def _source(value: int) -> LeafNodeSource:
    try:
        return LeafNodeSource(value)
    except ValueError:
        raise MalformedError(f"there is no leaf node source {value}") from None
