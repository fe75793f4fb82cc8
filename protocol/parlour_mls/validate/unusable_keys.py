"""Finds members of a group with a key to which no one can encrypt: a low-order point of X25519.

Such keys are refused wherever they enter (`CipherSuite.check_public_key`). A group from an earlier version
may have one, and could make no commits, because no path can be encrypted past it: so each commit removes its
leaf.
"""

from parlour_mls.crypto import LOW_ORDER_POINTS
from parlour_mls.tree import RatchetTree
from parlour_mls.validate.tree_rules import maker_of

_POINT = 32
"""Bytes at the end of a public key, of X25519 as of X-Wing, that are the point."""


def unusable_leaves(tree: RatchetTree) -> frozenset[int]:
    """Return the leaves that every commit must remove.

    It is their own key, or the key of a parent node that they made; removing the leaf blanks both.
    """
    bad = [
        at
        for at, node in enumerate(tree.nodes)
        if node is not None and node.encryption_key[-_POINT:] in LOW_ORDER_POINTS
    ]
    makers = (at // 2 if at % 2 == 0 else maker_of(tree, at) for at in bad)
    return frozenset(leaf for leaf in makers if leaf is not None)
