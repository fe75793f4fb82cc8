"""The ratchet tree: members, public keys, hashes, update paths (RFC 9420 sections 4 and 7)."""

from parlour_mls.tree.ratchet_tree import MAX_LEAVES, RatchetTree
from parlour_mls.tree.tree_nodes import ParentNode, parent_hash
from parlour_mls.tree.update_path import (
    PathPlan,
    Privates,
    decrypt_path,
    derive_path_keys,
    encrypt_path,
    merge_path,
    plan_path,
)

__all__ = [
    "MAX_LEAVES",
    "ParentNode",
    "PathPlan",
    "Privates",
    "RatchetTree",
    "decrypt_path",
    "derive_path_keys",
    "encrypt_path",
    "merge_path",
    "parent_hash",
    "plan_path",
]
