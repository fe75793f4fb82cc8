"""Append-only logs as Merkle trees: the hashes and proofs of RFC 9162, section 2.1.

The root of n entries commits to each of them, in their order. That one entry is in the tree, or that a tree
begins with all entries of an earlier one, is proved by about log n hashes. Entries have numbers from 1 on.

A log stores one hash beside each entry: that of the largest complete subtree which ends with the entry. Every
root and proof follows from these and the entries, so that nothing that was stored is ever written again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

NO_ENTRIES: Final = hashlib.sha256().digest()
"""The root of the tree without entries."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as far as needed to append: its complete ``subtrees``, the largest and first one first."""

    size: int = 0
    subtrees: tuple[bytes, ...] = ()

    @staticmethod
    def ends(size: int) -> list[int]:
        """Return with which entries the complete subtrees of a tree end: their hashes are stored there."""
        found = []
        while size:
            found.append(size)
            size &= size - 1
        return found[::-1]

    def after(self, entry: bytes) -> Self:
        """Return the tree with one more entry; its last subtree is what is stored beside the entry."""
        subtrees, made, size = list(self.subtrees), leaf_hash(entry), self.size
        while size & 1:
            made, size = node_hash(subtrees.pop(), made), size >> 1
        return type(self)(self.size + 1, (*subtrees, made))

    @property
    def root(self) -> bytes:
        """The root."""
        if not self.subtrees:
            return NO_ENTRIES
        *others, root = self.subtrees
        for subtree in reversed(others):
            root = node_hash(subtree, root)
        return root


class Stored(Protocol):
    """A log that is stored; proofs read from it."""

    def entry(self, number: int) -> bytes:
        """Return an entry."""
        ...

    def subtree(self, number: int) -> bytes:
        """Return the hash of the largest complete subtree that ends with this entry."""
        ...


def inclusion_proof(log: Stored, number: int, size: int) -> list[bytes]:
    """Prove that an entry is in the tree of this size."""
    proof, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left(end - start)
        if number <= middle:
            proof.append(_hash(log, middle, end))
            end = middle
        else:
            proof.append(_hash(log, start, middle))
            start = middle
    return proof[::-1]


def consistency_proof(log: Stored, earlier: int, size: int) -> list[bytes]:
    """Prove that the tree of this size begins with all entries of the earlier one."""
    if earlier in {0, size}:
        return []
    proof, start, end = [], 0, size
    while end != earlier:
        middle = start + _left(end - start)
        if earlier <= middle:
            proof.append(_hash(log, middle, end))
            end = middle
        else:
            proof.append(_hash(log, start, middle))
            start = middle
    if start:
        proof.append(_hash(log, start, end))
    return proof[::-1]


def includes(root: bytes, size: int, number: int, entry: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that an entry is in the tree of this size with this root."""
    if not 0 < number <= size:
        return False
    place, last, made = number - 1, size - 1, leaf_hash(entry)
    for one in proof:
        if not last:
            return False
        if place & 1 or place == last:
            made = node_hash(one, made)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            made = node_hash(made, one)
        place, last = place >> 1, last >> 1
    return not last and made == root


def extends(earlier: int, before: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a proof shows that a tree begins with all entries of one with root ``before``."""
    if earlier == size:
        return not proof and before == root
    if not earlier:
        return not proof and before == NO_ENTRIES
    path = list(proof) if earlier & (earlier - 1) else [before, *proof]
    if earlier > size or not path:
        return False
    place, last = earlier - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for one in path[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, one)
        place, last = place >> 1, last >> 1
    return not last and old == before and new == root


def _left(size: int) -> int:
    """Return how many of so many entries are on the left: the largest power of two below."""
    return 1 << ((size - 1).bit_length() - 1)


def _hash(log: Stored, start: int, end: int) -> bytes:
    """Return the hash of the subtree of the entries after ``start`` up to ``end``."""
    size = end - start
    if end & -end == size:
        return log.subtree(end)
    if size == 1:
        return leaf_hash(log.entry(end))
    middle = start + _left(size)
    return node_hash(_hash(log, start, middle), _hash(log, middle, end))
