"""The ratchet tree: who is in the group, and a public key for each group of them (RFC 9420 sections 4 and 7).

A tree is immutable: adding, updating and removing give a new tree that shares all unchanged nodes and
hashes with the old one. Nothing here decides whether a change is allowed; the modules
of `validate` do.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from parlour_mls.codec import Reader, vec_of
from parlour_mls.crypto import digest
from parlour_mls.errors import InvalidError
from parlour_mls.messages import LeafNode
from parlour_mls.tree import tree_math
from parlour_mls.tree.tree_nodes import (
    Node,
    ParentNode,
    encode_node,
    leaf_hash_input,
    parent_hash_input,
    read_node,
)

MAX_LEAVES = 1 << 20
"""Leaves of the largest tree that is read: a million members, far above any group of this client."""


@dataclass(frozen=True, slots=True)
class RatchetTree:
    """Nodes in the order of section 12.4.3.3, always 2^(d+1)-1 of them, blanks included."""

    nodes: tuple[Node, ...]
    # Hashes of subtrees, filled in when asked for: a commit changes one path, so all others stay valid.
    _hashes: list[bytes | None] = field(repr=False, compare=False)
    # The state of a group is written after every message, and its tree is the same in all of an epoch. Never
    # copied by `replace`, so a changed tree cannot carry the bytes of the old one.
    _encoded: bytes = field(init=False, repr=False, compare=False, default=b"")

    @classmethod
    def of(cls, nodes: Sequence[Node]) -> "RatchetTree":
        """Make a tree of a full row of nodes."""
        return cls(tuple(nodes), [None] * len(nodes))

    # --- queries ---

    @property
    def size(self) -> int:
        """How many leaves there are, blank ones included."""
        return (len(self.nodes) + 1) // 2

    @property
    def root(self) -> int:
        """Node index of the root."""
        return tree_math.root(self.size)

    def leaf(self, index: int) -> LeafNode | None:
        """Give the leaf of that index; None if it is blank or outside of the tree."""
        node = self.nodes[2 * index] if 0 <= index < self.size else None
        return node if isinstance(node, LeafNode) else None

    def parent(self, node: int) -> ParentNode | None:
        """Give the parent node at that node index; None if it is blank."""
        found = self.nodes[node]
        return found if isinstance(found, ParentNode) else None

    def members(self) -> Iterator[tuple[int, LeafNode]]:
        """Leaf index and leaf of all members."""
        for index, node in enumerate(self.nodes[::2]):
            if isinstance(node, LeafNode):
                yield index, node

    def parents(self) -> Iterator[tuple[int, ParentNode]]:
        """Node index and node of all parents that are not blank."""
        for index in range(1, len(self.nodes), 2):
            node = self.nodes[index]
            if isinstance(node, ParentNode):
                yield index, node

    def encryption_keys(self) -> list[bytes]:
        """All public keys of the tree."""
        return [node.encryption_key for node in self.nodes if node is not None]

    def resolution(self, node: int, without: AbstractSet[int] = frozenset()) -> list[int]:
        """Node indices whose keys cover all members below a node (section 4.1.1); `without` skips leaves."""
        found: list[int] = []
        waiting = [node]
        while waiting:
            at = waiting.pop()
            content = self.nodes[at]
            if isinstance(content, ParentNode):
                found.append(at)
                found.extend(2 * leaf for leaf in content.unmerged_leaves if leaf not in without)
            elif isinstance(content, LeafNode):
                if at // 2 not in without:
                    found.append(at)
            elif at % 2:
                waiting += (tree_math.right(at), tree_math.left(at))
        return found

    def is_empty_below(self, node: int) -> bool:
        """Whether a node's resolution is empty, that is, whether no one is below it."""
        span = tree_math.span(node)
        return all(content is None for content in self.nodes[2 * span.start : 2 * span.stop - 1])

    def filtered_path(self, leaf: int) -> list[tuple[int, int]]:
        """Nodes above a leaf whose other child has someone below, each with that child (section 4.1.2)."""
        path, below = [], 2 * leaf
        for node in tree_math.direct_path(2 * leaf, self.size):
            other = tree_math.sibling(below)
            if not self.is_empty_below(other):
                path.append((node, other))
            below = node
        return path

    # --- changes ---

    def with_changes(self, leaf: int, changes: Mapping[int, Node]) -> "RatchetTree":
        """Replace nodes on the way from a leaf to the root; only the hashes on that way become stale."""
        nodes, hashes = list(self.nodes), self._hashes.copy()
        for node, content in changes.items():
            nodes[node] = content
        hashes[2 * leaf] = None
        for node in tree_math.direct_path(2 * leaf, self.size):
            hashes[node] = None
        return RatchetTree(tuple(nodes), hashes)

    def _doubled(self) -> "RatchetTree":
        """Extend: a blank root whose left subtree is this tree (section 7.7)."""
        more = len(self.nodes) + 1
        return RatchetTree(self.nodes + (None,) * more, self._hashes + [None] * more)

    def truncated(self) -> "RatchetTree":
        """Drop right halves as long as no one is in them (section 7.7)."""
        tree = self
        while tree.size > 1 and all(node is None for node in tree.nodes[tree.size :: 2]):
            tree = RatchetTree(tree.nodes[: tree.size - 1], tree._hashes[: tree.size - 1])
        return tree

    def with_room(self) -> "tuple[RatchetTree, int]":
        """Give the leftmost blank leaf, extending the tree when there is none (section 12.1.1)."""
        try:
            return self, self.nodes[::2].index(None)
        except ValueError:
            return self._doubled(), self.size

    def with_added(self, leaf: LeafNode) -> "tuple[RatchetTree, int]":
        """Add a member at the leftmost blank leaf; nodes above list it as unmerged (section 12.1.1)."""
        tree, index = self.with_room()
        changes: dict[int, Node] = {2 * index: leaf}
        for node in tree_math.direct_path(2 * index, tree.size):
            content = tree.parent(node)
            if content is not None:
                unmerged = tuple(sorted({*content.unmerged_leaves, index}))
                changes[node] = replace(content, unmerged_leaves=unmerged)
        return tree.with_changes(index, changes), index

    def with_updated(self, index: int, leaf: LeafNode) -> "RatchetTree":
        """Replace a leaf and blank the nodes above it (section 12.1.2)."""
        return self.with_changes(index, {**self._blank_path(index), 2 * index: leaf})

    def with_removed(self, index: int) -> "RatchetTree":
        """Blank a leaf and the nodes above it, then truncate (section 12.1.3)."""
        return self.with_changes(index, {**self._blank_path(index), 2 * index: None}).truncated()

    def with_path(self, index: int, leaf: LeafNode, parents: Mapping[int, ParentNode]) -> "RatchetTree":
        """Put a new leaf and new parents in place; blank the others above the leaf (section 7.5)."""
        return self.with_changes(index, {**self._blank_path(index), **parents, 2 * index: leaf})

    def _blank_path(self, index: int) -> dict[int, Node]:
        return dict.fromkeys(tree_math.direct_path(2 * index, self.size))

    # --- hashing (section 7.8) ---

    @property
    def tree_hash(self) -> bytes:
        """Hash of the whole tree."""
        return self.subtree_hash(self.root)

    def subtree_hash(self, node: int) -> bytes:
        """Tree hash of one node."""
        known = self._hashes[node]
        if known is not None:
            return known
        if node % 2:
            below = (self.subtree_hash(tree_math.left(node)), self.subtree_hash(tree_math.right(node)))
            value = parent_hash_input(self.parent(node), *below)
        else:
            value = leaf_hash_input(node // 2, self.leaf(node // 2))
        found = self._hashes[node] = digest(value)
        return found

    def hash_without(self, node: int, leaves: AbstractSet[int]) -> bytes:
        """Tree hash of a node as if some leaves had never been added: the "original" of section 7.9."""
        span = tree_math.span(node)
        if not any(leaf in span for leaf in leaves):
            return self.subtree_hash(node)
        if node % 2 == 0:
            return digest(leaf_hash_input(node // 2, None))
        content = self.parent(node)
        if content is not None:
            left = tuple(leaf for leaf in content.unmerged_leaves if leaf not in leaves)
            content = replace(content, unmerged_leaves=left)
        # Only the leaves of this half go on, so that the work is bounded by what was removed.
        inside = {leaf for leaf in leaves if leaf in span}
        below = (
            self.hash_without(tree_math.left(node), inside),
            self.hash_without(tree_math.right(node), inside),
        )
        return digest(parent_hash_input(content, *below))

    # --- the ratchet_tree extension (section 12.4.3.3) ---

    def encode(self) -> bytes:
        """Write it; blank nodes at the end MUST NOT be sent."""
        if not self._encoded:
            object.__setattr__(self, "_encoded", self._encode())
        return self._encoded

    def _encode(self) -> bytes:
        last = len(self.nodes)
        while last and self.nodes[last - 1] is None:
            last -= 1
        return vec_of(encode_node(node) for node in self.nodes[:last])

    @classmethod
    def read(cls, r: Reader) -> "RatchetTree":
        """Read it and extend it to its full width."""
        nodes = list(r.many(read_node, 2 * MAX_LEAVES))
        if not nodes or nodes[-1] is None:
            raise InvalidError("a ratchet tree is empty or ends in a blank node (section 12.4.3.3)")
        for index, node in enumerate(nodes):
            if node is not None and isinstance(node, LeafNode) == bool(index % 2):
                raise InvalidError("a ratchet tree holds a leaf where a parent belongs, or the reverse")
        width = 1
        while width < len(nodes):
            width = 2 * width + 1
        return cls.of(nodes + [None] * (width - len(nodes)))
