"""Checks a received ratchet tree (RFC 9420 sections 7.9.2 and 12.4.3.1).

One function for each rule; each raises. Joining calls `check_tree`; what concerns single leaves is in
`leaf_rules`.
"""

from parlour_mls.crypto import CipherSuite
from parlour_mls.errors import InvalidError
from parlour_mls.messages import LeafNode
from parlour_mls.tree import ParentNode, RatchetTree, parent_hash, tree_math


def check_tree(tree: RatchetTree, suite: CipherSuite) -> None:
    """Apply all rules of this module; the caller compares the tree hash and checks the leaves."""
    check_parent_keys(tree, suite)
    check_unmerged_leaves(tree)
    check_unique_encryption_keys(tree)
    check_unique_signature_keys(tree)
    check_parent_hashes(tree)


def check_parent_keys(tree: RatchetTree, suite: CipherSuite) -> None:
    """All parents have keys of the group's suite; the leaves' are checked with the leaves."""
    for _, content in tree.parents():
        suite.check_public_key(content.encryption_key)


def check_unmerged_leaves(tree: RatchetTree) -> None:
    """Each unmerged leaf is a member below the node, and listed all the way down (section 12.4.3.1)."""
    for node, content in tree.parents():
        span = tree_math.span(node)
        for leaf in content.unmerged_leaves:
            if leaf not in span or tree.leaf(leaf) is None:
                raise InvalidError("an unmerged leaf is blank or not below its node (section 12.4.3.1)")
            _check_listed_between(tree, node, leaf)


def _check_listed_between(tree: RatchetTree, node: int, leaf: int) -> None:
    for between in tree_math.direct_path(2 * leaf, tree.size):
        if between == node:
            return
        content = tree.parent(between)
        if content is not None and leaf not in content.unmerged_leaves:
            raise InvalidError(
                "a node between an unmerged leaf and its node does not list it (section 12.4.3.1)"
            )


def check_unique_encryption_keys(tree: RatchetTree) -> None:
    """No encryption key appears twice in the tree (sections 7.3 and 12.4.3.1)."""
    keys = tree.encryption_keys()
    if len(set(keys)) != len(keys):
        raise InvalidError("two nodes of the tree have the same encryption key (section 7.3)")


def check_unique_signature_keys(tree: RatchetTree) -> None:
    """No two members have the same signature key (section 7.3)."""
    keys = [leaf.signature_key for _, leaf in tree.members()]
    if len(set(keys)) != len(keys):
        raise InvalidError("two members have the same signature key (section 7.3)")


def check_parent_hashes(tree: RatchetTree) -> None:
    """Each parent hangs on exactly one chain of parent hashes from a leaf (section 7.9.2).

    This is what stops an insider from handing a newcomer a tree with a node whose private key it knows
    although it has no leaf below.
    """
    for node, content in tree.parents():
        if len(_vouching(tree, node, content)) != 1:
            raise InvalidError("a parent node is not parent-hash valid (section 7.9.2)")


def maker_of(tree: RatchetTree, node: int) -> int | None:
    """Return the leaf whose commit made a parent node, by the chain of parent hashes; None: there is none."""
    while node % 2:
        content = tree.parent(node)
        below = _vouching(tree, node, content) if content is not None else []
        if len(below) != 1:
            return None
        node = below[0]
    return node // 2


def _vouching(tree: RatchetTree, node: int, content: ParentNode) -> list[int]:
    """Return the nodes below that vouch for a parent: one, or it is a forgery."""
    children = (tree_math.left(node), tree_math.right(node))
    return [*_chained(tree, content, *children), *_chained(tree, content, *reversed(children))]


def _chained(tree: RatchetTree, content: ParentNode, child: int, sibling: int) -> list[int]:
    """Return the node below `child` that vouches for `content`, if there is one."""
    span = tree_math.span(child)
    unmerged = {2 * leaf for leaf in content.unmerged_leaves if leaf in span}
    resolution = tree.resolution(child)
    if len(resolution) != len(unmerged) + 1:
        return []
    candidates = [node for node in resolution if node not in unmerged]
    if len(candidates) != 1:
        return []
    below = tree.nodes[candidates[0]]
    claimed = below.parent_hash if isinstance(below, LeafNode | ParentNode) else None
    original = tree.hash_without(sibling, set(content.unmerged_leaves))
    vouches = claimed == parent_hash(content.encryption_key, content.parent_hash, original)
    return candidates if vouches else []
