"""Attacks with update paths, one for each rule of RFC 9420 sections 7.4 to 7.9.2 and 12.4."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_world import GROUP_ID, LIFETIME, World, lawless, refused, unchanged

from parlour_mls import (
    AuthenticationError,
    CommitOptions,
    InvalidError,
    LeafChange,
    MlsError,
    StateError,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import LeafNodeSource
from parlour_mls.crypto import Kem
from parlour_mls.group import create_commit as commit_module
from parlour_mls.messages import UpdatePath, UpdatePathNode
from parlour_mls.tree import update_path as path_module

Edit = Callable[[World, UpdatePath], UpdatePath]


def sealing(edit: Callable[[UpdatePath], UpdatePath]) -> Callable[..., UpdatePath]:
    """Wrap `seal` so that the path is changed before the commit is signed."""
    real = commit_module.encrypt_path
    return lambda *of: edit(real(*of))


def resigned(world: World, path: UpdatePath, **changes: Any) -> UpdatePath:
    """Change the path's leaf and sign it again."""
    leaf = replace(path.leaf_node, **changes)
    return replace(path, leaf_node=leaf.signed(world.devices["m0"].signer, GROUP_ID, 0))


def node(path: UpdatePath, at: int, **changes: Any) -> UpdatePath:
    """Change one node of the path."""
    nodes = list(path.nodes)
    nodes[at] = replace(nodes[at], **changes)
    return replace(path, nodes=tuple(nodes))


def key_of(world: World, index: int) -> bytes:
    """Give the encryption key of a member."""
    leaf = world["m0"].tree.leaf(index)
    assert leaf is not None
    return leaf.encryption_key


def _short_ciphertexts(path: UpdatePath) -> UpdatePath:
    return node(path, 1, encrypted_path_secret=path.nodes[1].encrypted_path_secret[:-1])


def _long_ciphertexts(path: UpdatePath) -> UpdatePath:
    sealed = path.nodes[0].encrypted_path_secret
    return node(path, 0, encrypted_path_secret=(*sealed, *sealed))


def _damaged(path: UpdatePath) -> UpdatePath:
    sealed = path.nodes[0].encrypted_path_secret
    return node(path, 0, encrypted_path_secret=(replace(sealed[0], ciphertext=bytes(48)), *sealed[1:]))


PATHS: dict[str, tuple[Edit, type[MlsError], str]] = {
    "a node missing": (lambda _, p: replace(p, nodes=p.nodes[:-1]), InvalidError, "few or too many nodes"),
    "a node too many": (
        lambda _, p: replace(p, nodes=(*p.nodes, UpdatePathNode(bytes(range(32)), ()))),
        InvalidError,
        "few or too many nodes",
    ),
    "a ciphertext missing": (lambda _, p: _short_ciphertexts(p), InvalidError, "few or too many ciph"),
    "a ciphertext too many": (lambda _, p: _long_ciphertexts(p), InvalidError, "few or too many ciph"),
    "a damaged ciphertext": (lambda _, p: _damaged(p), AuthenticationError, "cannot be decrypted"),
    "another node key": (
        lambda _, p: node(p, 0, encryption_key=bytes(range(32))),
        InvalidError,
        "parent hash",
    ),
    "a node key of a member": (
        lambda w, p: node(p, 0, encryption_key=key_of(w, 2)),
        InvalidError,
        "reuses an encryption key",
    ),
    "one key for two nodes": (
        lambda _, p: node(p, 0, encryption_key=p.nodes[1].encryption_key),
        InvalidError,
        "reuses an encryption key",
    ),
    "a leaf key of a member": (
        lambda w, p: resigned(w, p, encryption_key=key_of(w, 2)),
        InvalidError,
        "reuses an encryption key",
    ),
    "the old leaf key": (
        lambda w, p: resigned(w, p, encryption_key=key_of(w, 0)),
        InvalidError,
        "keeps the encryption key",
    ),
    "another parent hash": (lambda w, p: resigned(w, p, parent_hash=bytes(32)), InvalidError, "parent hash"),
    "an empty parent hash": (lambda w, p: resigned(w, p, parent_hash=b""), InvalidError, "parent hash"),
    "a leaf of a key package": (
        lambda w, p: resigned(w, p, source=LeafNodeSource.KEY_PACKAGE, lifetime=LIFETIME, parent_hash=None),
        InvalidError,
        "made for KEY_PACKAGE",
    ),
    "a leaf of an update": (
        lambda w, p: resigned(w, p, source=LeafNodeSource.UPDATE, parent_hash=None),
        InvalidError,
        "made for UPDATE",
    ),
    "a leaf of another group": (
        lambda w, p: replace(p, leaf_node=p.leaf_node.signed(w.devices["m0"].signer, b"elsewhere", 0)),
        AuthenticationError,
        "leaf node",
    ),
    "a leaf of another place": (
        lambda w, p: replace(p, leaf_node=p.leaf_node.signed(w.devices["m0"].signer, GROUP_ID, 1)),
        AuthenticationError,
        "leaf node",
    ),
}


@pytest.mark.parametrize("name", PATHS)
def test_bad_paths(name: str) -> None:
    """ValSem202 to 207: a path that is not exactly right is refused whole."""
    edit, error, why = PATHS[name]
    world = World(4)
    with lawless({"group.create_commit.encrypt_path": sealing(lambda path: edit(world, path))}):
        message = world.stage("m0").message
    refused(world["m1"], message, error, why)


def test_a_path_secret_that_gives_other_keys() -> None:
    """ValSem204: the keys derived from a path secret are those that the path shows."""
    world = World(4)
    real = path_module.encrypt_with_label

    def zeros(kem: Kem, public: bytes, label: str, context: bytes, secret: bytes, *random: Any) -> Any:
        return real(kem, public, label, context, bytes(len(secret)), *random)

    with lawless({"tree.update_path.encrypt_with_label": zeros}):
        message = world.stage("m0").message
    refused(world["m1"], message, AuthenticationError, "does not give the public key")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_path_secret_of_another_length(size: int) -> None:
    """A path secret has the size of a hash."""
    world = World(2)
    real = path_module.encrypt_with_label

    def cut(kem: Kem, public: bytes, label: str, context: bytes, _: bytes, *random: Any) -> Any:
        return real(kem, public, label, context, bytes(size), *random)

    with lawless({"tree.update_path.encrypt_with_label": cut}):
        message = world.stage("m0").message
    refused(world["m1"], message, InvalidError, "wrong length")


@pytest.mark.parametrize("proposals", [[], [remove_proposal(2)]], ids=["empty", "remove"])
def test_a_commit_without_the_path_it_needs(proposals: Any) -> None:
    """ValSem201: an empty commit and one that removes must carry a path (section 12.4)."""
    world = World(3)
    with lawless({"group.create_commit.path_required": lambda _: False}):
        message = world.stage("m0", proposals, CommitOptions(path=False)).message
    refused(world["m1"], message, InvalidError, "lacks the path")


def test_a_commit_that_only_adds_may_have_no_path() -> None:
    """Section 12.4: Add and PSK need none; what follows works."""
    world = World(3)
    world.add("m3", options=CommitOptions(path=False))
    world.agree()
    for name in ("m3", "m1", "m2", "m0"):
        world.commit(name)
        world.agree()


def test_a_committer_that_takes_the_signature_key_of_another_member() -> None:
    """Section 7.3: signature keys are unique, the path's leaf included (an identity could be taken over)."""
    world = World(3)
    change = CommitOptions(leaf=LeafChange(signer=world.devices["m2"].signer))
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="takes the signature key"):
        world.stage("m0", (), change)
    with lawless():
        message = world.stage("m0", (), change).message
    refused(world["m1"], message, InvalidError, "takes the signature key")


def test_path_secrets_are_not_sent_to_members_who_come_with_the_commit() -> None:
    """Section 7.5: new leaves are left out of the resolutions; a count that includes them is refused."""
    world = World(3)
    real = commit_module.encrypt_path

    def to_everyone(planned: Any, _new: Any, *more: Any) -> UpdatePath:
        return real(planned, frozenset(), *more)

    package = world.device("m3").publish()
    with lawless({"group.create_commit.encrypt_path": to_everyone}):
        message = world.stage("m0", [add_proposal(package)]).message
    refused(world["m1"], message, InvalidError, "few or too many ciphertexts")


def test_a_group_at_its_last_epoch() -> None:
    """A founder may begin at epoch 2^64-1: no commit can follow, and nothing breaks."""
    world = World(2)
    before, after = (
        replace(group.state.epoch, context=replace(group.context, epoch=(1 << 64) - 1))
        for group in world.groups.values()
    )
    world["m0"].state = replace(world["m0"].state, epoch=before)
    world["m1"].state = replace(world["m1"].state, epoch=after)
    with unchanged(world["m0"]), pytest.raises(StateError, match="epoch numbers"):
        world.stage("m0")
