"""Attacks with the ratchet tree that newcomers are handed (RFC 9420 sections 7.9.2 and 12.4.3.1)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_invite import changed_nodes, check_refused, invite, tree_in, with_tree
from tests.mls.mls_world import GROUP_ID, World

from parlour_mls import (
    AuthenticationError,
    Capabilities,
    Credential,
    InvalidError,
    MlsError,
    Policy,
    Secret,
    SigningKey,
)
from parlour_mls.tree import ParentNode, RatchetTree


def _parent(tree: RatchetTree, node: int) -> ParentNode:
    found = tree.parent(node)
    assert found is not None
    return found


def _edit_parent(tree: RatchetTree, **changes: Any) -> RatchetTree:
    return changed_nodes(tree, {tree.root: replace(_parent(tree, tree.root), **changes)})


def _same_signature_key(tree: RatchetTree) -> RatchetTree:
    one, other = tree.leaf(1), tree.leaf(2)
    assert one is not None
    assert other is not None
    return changed_nodes(tree, {4: replace(other, signature_key=one.signature_key)})


def _unlisted_between(tree: RatchetTree) -> RatchetTree:
    """List leaf 4 as unmerged at the root although the node between does not."""
    lower = ParentNode(bytes(range(32)), b"")
    root = replace(_parent(tree, tree.root), unmerged_leaves=(4,))
    return changed_nodes(tree, {tree.root: root, 11: lower})


def _other_credential(tree: RatchetTree) -> RatchetTree:
    """Put in someone whose own leaf is in order, and whom the others cannot judge."""
    key, old = SigningKey(Secret(bytes(32))), tree.leaf(3)
    assert old is not None
    both = Capabilities(credentials=(1, 7))
    leaf = replace(old, credential=Credential(7, b"?"), capabilities=both).signed(key, GROUP_ID, 3)
    blank = dict.fromkeys(range(1, len(tree.nodes), 2))
    return changed_nodes(tree, {**blank, 6: leaf})


TREES: dict[str, tuple[Callable[[RatchetTree], RatchetTree], type[MlsError], str]] = {
    "another root key": (
        lambda t: _edit_parent(t, encryption_key=bytes(range(32))),
        InvalidError,
        "parent-hash valid",
    ),
    "another root parent hash": (
        lambda t: _edit_parent(t, parent_hash=bytes(32)),
        InvalidError,
        "parent-hash valid",
    ),
    "a parent that no one made": (
        lambda t: changed_nodes(t, {5: ParentNode(bytes(range(32)), b"")}),
        InvalidError,
        "parent-hash valid",
    ),
    "a member hidden from the root": (
        lambda t: _edit_parent(t, unmerged_leaves=(1,)),
        InvalidError,
        "does not list it|parent-hash valid",
    ),
    "a blank unmerged leaf": (lambda t: _edit_parent(t, unmerged_leaves=(7,)), InvalidError, "unmerged leaf"),
    "an unmerged leaf outside": (lambda t: _edit_parent(t, unmerged_leaves=(99,)), InvalidError, "unmerged"),
    "unmerged in between": (_unlisted_between, InvalidError, "between"),
    "a parent with a leaf's key": (
        lambda t: _edit_parent(t, encryption_key=next(t.members())[1].encryption_key),
        InvalidError,
        "same encryption key",
    ),
    "one signature key twice": (_same_signature_key, InvalidError, "same signature key"),
    "a leaf that was changed": (
        lambda t: changed_nodes(t, {0: replace(t.nodes[0], credential=Credential.basic(b"x"))}),  # type: ignore[type-var, arg-type]
        AuthenticationError,
        "leaf node",
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_forged_trees(name: str) -> None:
    """Sections 7.9.2 and 12.4.3.1: a tree that an insider has tampered with is refused."""
    edit, error, why = TREES[name]
    world = World(5)
    welcome = invite(world, lambda _, info: with_tree(info, edit(tree_in(info))))
    check_refused(world, welcome, error, why)


def test_a_tree_with_a_credential_type_that_not_all_know() -> None:
    """Section 7.3: every credential type in use is supported by everyone in the tree."""
    world = World(5, policy=Policy(validate_credential=lambda _: None))
    welcome = invite(world, lambda _, info: with_tree(info, _other_credential(tree_in(info))))
    check_refused(world, welcome, InvalidError, "credential type that is in use")
