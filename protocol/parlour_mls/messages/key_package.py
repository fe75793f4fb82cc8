"""Key packages: what a client publishes so that others can add it while it is away (RFC 9420 section 10).

Decoding checks the shape only; `leaf_rules.check_key_package` says whether one may be used.
"""

from dataclasses import dataclass, field, replace

from parlour_mls.codec import LAST_RESORT, Reader, u16, vec
from parlour_mls.crypto import PROTOCOL_VERSION, PUBLIC_SIZES, SigningKey, ref_hash, verify
from parlour_mls.messages.leaf_node import (
    Extensions,
    LeafNode,
    encode_extensions,
    find_extension,
    read_extensions,
)


@dataclass(frozen=True, slots=True)
class KeyPackage:
    """An init key for one Welcome, and the leaf to put into the tree."""

    init_key: bytes
    leaf_node: LeafNode
    extensions: Extensions = ()
    version: int = PROTOCOL_VERSION
    cipher_suite: int = field(kw_only=True)
    signature: bytes = b""
    _encoded: bytes = field(init=False, repr=False, compare=False, default=b"")

    def body(self) -> bytes:
        """Write everything above the signature."""
        head = u16(self.version) + u16(self.cipher_suite) + vec(self.init_key)
        return head + self.leaf_node.encode() + encode_extensions(self.extensions)

    def encode(self) -> bytes:
        """Write it."""
        return self._encoded or self.body() + vec(self.signature)

    def signed(self, key: SigningKey) -> "KeyPackage":
        """Sign it."""
        return replace(self, signature=key.sign("KeyPackageTBS", self.body()))

    def check_signature(self) -> None:
        """Verify that the owner of the leaf made it (section 10.1)."""
        body = self._encoded[: -len(vec(self.signature))] if self._encoded else self.body()
        verify(self.leaf_node.signature_key, "KeyPackageTBS", body, self.signature, "key package")

    @property
    def ref(self) -> bytes:
        """KeyPackageRef (section 5.2)."""
        return ref_hash("MLS 1.0 KeyPackage Reference", self.encode())

    @property
    def last_resort(self) -> bool:
        """Whether its owner allows more than one use."""
        return find_extension(self.extensions, LAST_RESORT) is not None

    @classmethod
    def read(cls, r: Reader) -> "KeyPackage":
        """Read it."""
        start = r.position
        version, suite = r.u16(), r.u16()
        init_key = r.one_of(PUBLIC_SIZES, "an init key")
        leaf, extensions, signature = LeafNode.read(r), read_extensions(r), r.vec()
        package = cls(init_key, leaf, extensions, version, signature, cipher_suite=suite)
        object.__setattr__(package, "_encoded", r.since(start))
        return package
