"""Index arithmetic of array-based trees (RFC 9420 appendix C).

A tree is always full: 2^d leaves, leaf L at node 2L, parents at odd nodes. Nothing here looks at what a node
holds; the ratchet tree, the secret tree and the update paths walk with these.
"""

from collections.abc import Iterator

from parlour_mls.errors import InvalidError


def node_width(leaves: int) -> int:
    """How many nodes a tree with that many leaves has."""
    return 2 * leaves - 1 if leaves else 0


def level(node: int) -> int:
    """How far a node is above the leaves."""
    return ((node + 1) & ~node).bit_length() - 1


def root(leaves: int) -> int:
    """Node index of the root of a full tree."""
    return leaves - 1


def left(node: int) -> int:
    """Left child; the node must be a parent."""
    return node - (1 << (level(node) - 1))


def right(node: int) -> int:
    """Right child; the node must be a parent."""
    return node + (1 << (level(node) - 1))


def parent(node: int) -> int:
    """Node above; the node must not be the root."""
    k = level(node)
    return (node | (1 << k)) & ~(1 << (k + 1))


def sibling(node: int) -> int:
    """Other child of the parent; the node must not be the root."""
    return node ^ (2 << level(node))


def span(node: int) -> range:
    """Leaf indices below a node (or of the leaf itself)."""
    half = (1 << level(node)) - 1
    return range((node - half) >> 1, ((node + half) >> 1) + 1)


def direct_path(node: int, leaves: int) -> Iterator[int]:
    """Nodes above, from the parent to the root."""
    if not 0 <= node < node_width(leaves):
        # Going up from outside would never meet the root.
        raise InvalidError(f"there is no node {node} in a tree of {leaves} leaves")
    top = root(leaves)
    while node != top:
        node = parent(node)
        yield node


def common_ancestor(one: int, other: int) -> int:
    """Lowest node that is above (or is) both leaves, given by leaf index."""
    one, other = 2 * one, 2 * other
    if one == other:
        return one
    height = (one ^ other).bit_length()
    return (one >> height << height) + (1 << (height - 1)) - 1
