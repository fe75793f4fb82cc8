"""The nodes of a ratchet tree, and what of them is hashed (RFC 9420 sections 7.1, 7.8 and 7.9)."""

from dataclasses import dataclass
from typing import TypeAlias

from parlour_mls.codec import Reader, optional, u8, u32, u32_vec, vec
from parlour_mls.crypto import PUBLIC_SIZES, digest
from parlour_mls.errors import MalformedError
from parlour_mls.messages import LeafNode

_LEAF, _PARENT = 1, 2


@dataclass(frozen=True, slots=True)
class ParentNode:
    """A subgroup's public key, and its members who do not hold the private one yet (section 7.1)."""

    encryption_key: bytes
    parent_hash: bytes
    unmerged_leaves: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.encryption_key) + vec(self.parent_hash) + u32_vec(self.unmerged_leaves)

    @classmethod
    def read(cls, r: Reader) -> "ParentNode":
        """Read it; unmerged leaves MUST be in increasing order (section 7.1)."""
        node = cls(r.one_of(PUBLIC_SIZES, "an encryption key"), r.vec(), r.u32s())
        if any(a >= b for a, b in zip(node.unmerged_leaves, node.unmerged_leaves[1:], strict=False)):
            raise MalformedError("unmerged leaves are not in increasing order")
        return node


Node: TypeAlias = LeafNode | ParentNode | None


def encode_node(node: Node) -> bytes:
    """Write a node, or a blank (section 12.4.3.3)."""
    if node is None:
        return b"\x00"
    return b"\x01" + u8(_LEAF if isinstance(node, LeafNode) else _PARENT) + node.encode()


def read_node(r: Reader) -> Node:
    """Read a node, or a blank."""
    present = r.u8()
    if present == 0:
        return None
    kind = r.u8()
    if present != 1 or kind not in {_LEAF, _PARENT}:
        raise MalformedError("a tree node is neither blank, leaf nor parent")
    return LeafNode.read(r) if kind == _LEAF else ParentNode.read(r)


def leaf_hash_input(index: int, leaf: LeafNode | None) -> bytes:
    """Write what the tree hash of a leaf is made of (section 7.8)."""
    return u8(_LEAF) + u32(index) + optional(None if leaf is None else leaf.encode())


def parent_hash_input(content: ParentNode | None, left: bytes, right: bytes) -> bytes:
    """Write what the tree hash of a parent is made of (section 7.8)."""
    node = optional(None if content is None else content.encode())
    return u8(_PARENT) + node + vec(left) + vec(right)


def parent_hash(encryption_key: bytes, above: bytes, original_sibling: bytes) -> bytes:
    """Parent hash of a node (section 7.9): its key, what is above it, and the subtree it was encrypted to."""
    return digest(vec(encryption_key) + vec(above) + vec(original_sibling))
