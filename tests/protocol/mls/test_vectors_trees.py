"""The official vectors of ratchet trees and update paths."""

from typing import Any

import pytest
from tests.protocol.mls.mls_vectors import load, unhex

from parlour_protocol.mls.codec import decode
from parlour_protocol.mls.content import UpdatePath
from parlour_protocol.mls.messages import GroupContext
from parlour_protocol.mls.path import climb, merge, open_path, plan, seal
from parlour_protocol.mls.proposals import Add, Remove, Update, read_proposal
from parlour_protocol.mls.secret import Secret
from parlour_protocol.mls.suite import SigningKey
from parlour_protocol.mls.tree import RatchetTree
from parlour_protocol.mls.treemath import span
from parlour_protocol.mls.validate_tree import check_tree

Vector = dict[str, Any]
NOBODY: frozenset[int] = frozenset()


@pytest.mark.parametrize("vector", load("tree-operations.suite1"))
def test_tree_operations(vector: Vector) -> None:
    """Adding, updating and removing give the very tree of the vector, and its hash."""
    tree = decode(RatchetTree.read, unhex(vector["tree_before"]))
    assert tree.tree_hash == unhex(vector["tree_hash_before"])
    match decode(read_proposal, unhex(vector["proposal"])):
        case Add(package):
            after, _ = tree.with_added(package.leaf_node)
        case Update(leaf):
            after = tree.with_updated(vector["proposal_sender"], leaf)
        case Remove(index):
            after = tree.with_removed(index)
        case other:
            pytest.fail(f"no tree operation: {other}")
    assert after.encode() == unhex(vector["tree_after"])
    assert after.tree_hash == unhex(vector["tree_hash_after"])
    assert tree.encode() == unhex(vector["tree_before"]), "the old tree has changed"


@pytest.mark.parametrize("vector", load("tree-validation"))
def test_tree_validation(vector: Vector) -> None:
    """Resolutions, hashes, parent hashes and leaf signatures of every tree are as the vector says."""
    tree = decode(RatchetTree.read, unhex(vector["tree"]))
    nodes = range(len(tree.nodes))
    assert [tree.resolution(node) for node in nodes] == vector["resolutions"]
    assert [tree.subtree_hash(node).hex() for node in nodes] == vector["tree_hashes"]
    assert tree.encode() == unhex(vector["tree"])
    check_tree(tree)
    for index, leaf in tree.members():
        leaf.check_signature(unhex(vector["group_id"]), index)


def _privates(vector: Vector, tree: RatchetTree) -> dict[int, tuple[dict[int, Secret], SigningKey]]:
    found = {}
    for leaf in vector["leaves_private"]:
        privates = {2 * leaf["index"]: Secret(unhex(leaf["encryption_priv"]))}
        for each in leaf["path_secrets"]:
            # `climb` also checks that the private keys belong to the public ones of the tree
            privates.update(climb(tree, [each["node"]], unhex(each["path_secret"])).privates)
        found[leaf["index"]] = (privates, SigningKey(Secret(unhex(leaf["signature_priv"]))))
    return found


def _context(vector: Vector, tree: RatchetTree) -> bytes:
    hashes = tree.tree_hash, unhex(vector["confirmed_transcript_hash"])
    return GroupContext(unhex(vector["group_id"]), vector["epoch"], *hashes, ()).encode()


@pytest.mark.parametrize("vector", load("treekem"))
def test_treekem(vector: Vector) -> None:
    """Every member reads every path of the vector, and every path that we make in its place."""
    tree = decode(RatchetTree.read, unhex(vector["ratchet_tree"]))
    everybody = _privates(vector, tree)
    for each in vector["update_paths"]:
        sender, path = each["sender"], decode(UpdatePath.read, unhex(each["update_path"]))
        merged = merge(tree, sender, path)
        assert merged.tree_hash == unhex(each["tree_hash_after"])
        old = tree.leaf(sender)
        assert old is not None
        planned = plan(tree, sender, old, everybody[sender][1], unhex(vector["group_id"]))
        ours = seal(planned, NOBODY, _context(vector, planned.tree))
        assert merge(tree, sender, ours).tree_hash == planned.tree.tree_hash
        check_tree(planned.tree)
        for leaf, (privates, _) in everybody.items():
            if leaf == sender:
                continue
            context = _context(vector, merged)
            opened = open_path(merged, sender, path, leaf, privates, NOBODY, context)
            assert opened.commit_secret.reveal() == unhex(each["commit_secret"])
            _check_path_secret(merged, opened.privates, each["path_secrets"][leaf], sender, leaf)
            context = _context(vector, planned.tree)
            again = open_path(planned.tree, sender, ours, leaf, privates, NOBODY, context)
            assert again.commit_secret == planned.opened.commit_secret


def _check_path_secret(tree: RatchetTree, privates: Any, expected: str, sender: int, leaf: int) -> None:
    start = next(n for n, other in tree.filtered_path(sender) if leaf in span(other))
    assert climb(tree, [start], unhex(expected)).privates[start] == privates[start]
