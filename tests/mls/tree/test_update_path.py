"""What a new path costs its sender: how many encryptions, and how many bytes."""

import random
from itertools import pairwise

import pytest

from parlour_mls import CLASSIC, HYBRID, CipherSuite, Credential, Lifetime, SigningKey
from parlour_mls.crypto import hpke
from parlour_mls.group.key_package_store import own_leaf
from parlour_mls.tree import RatchetTree, encrypt_path, plan_path
from parlour_mls.validate import STRICT

LIFETIME = Lifetime(0, 86_400)
KILOBYTE = 1_000


def after_a_mass_add(size: int, suite: CipherSuite) -> RatchetTree:
    """Return a tree whose members were all added by one commit: nobody has renewed a key since."""
    tree = RatchetTree.of([None])
    for index in range(size):
        credential = Credential.basic(b"%d" % index)
        leaf = own_leaf(credential, SigningKey.generate(), LIFETIME, suite.kem.generate(), STRICT, suite)
        tree, _ = tree.with_added(leaf)
    return tree


def renewed(tree: RatchetTree, index: int, suite: CipherSuite) -> tuple[RatchetTree, bytes]:
    """Return the tree after a member renewed its keys, and the path that it sent."""
    leaf = tree.leaf(index)
    assert leaf is not None
    planned = plan_path(suite, tree, index, leaf, SigningKey.generate(), b"group")
    return planned.tree, encrypt_path(planned, frozenset(), b"context").encode()


def test_a_post_quantum_path_is_as_large_as_the_documents_say() -> None:
    """The sizes of docs/explanation/encryption.md: blank, after 17 renewals of 100, and after all."""
    tree, largest = after_a_mass_add(100, HYBRID), dict[int, int]()
    members, path = [*range(100)], b""
    random.Random(29).shuffle(members)  # noqa: S311 - chance that repeats itself
    for done, index in enumerate(members):
        if done in {0, 17}:
            largest[done] = max(len(renewed(tree, one, HYBRID)[1]) for one in range(0, 100, 9))
        tree, path = renewed(tree, index, HYBRID)
    assert 120 * KILOBYTE < largest[0] < 130 * KILOBYTE
    assert largest[17] < 40 * KILOBYTE
    assert len(path) < 19 * KILOBYTE


def test_in_a_blank_tree_each_renewal_makes_the_next_one_smaller() -> None:
    """Members of different subtrees help each other: the second needs half as much, the third a quarter."""
    tree, sizes = after_a_mass_add(64, CLASSIC), list[int]()
    for index in (0, 32, 16, 48):
        tree, path = renewed(tree, index, CLASSIC)
        sizes.append(len(path))
    assert all(after <= before for before, after in pairwise(sizes))
    assert sizes[-1] < sizes[0] / 2


def test_what_all_keys_of_a_path_share_is_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Label and context are hashed for the first key alone."""
    hashed, extract = list[bytes](), hpke._extract

    def counted(suite: bytes, salt: bytes, label: bytes, key_material: bytes) -> bytes:
        hashed.append(label)
        return extract(suite, salt, label, key_material)

    tree = after_a_mass_add(20, CLASSIC)
    monkeypatch.setattr(hpke, "_extract", counted)
    renewed(tree, 3, CLASSIC)
    assert hashed.count(b"secret") == 19
    assert hashed.count(b"info_hash") <= 1
