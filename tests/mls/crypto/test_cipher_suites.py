"""Groups of both cipher suites, and that nothing of one enters a group of the other."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.mls import vectors
from tests.mls.group.test_process_commit import sealing
from tests.mls.mls_invite import changed_nodes, check_refused, invite, tree_in, with_tree
from tests.mls.mls_packages import check_add, package
from tests.mls.mls_world import GROUP_ID, NOW, World, lawless, refused, unchanged
from tests.mls.outsider import external_commit

from parlour_mls import (
    CLASSIC,
    HYBRID,
    Capabilities,
    CipherSuite,
    Group,
    InvalidError,
    KeyPackageStore,
    MlsError,
    NotForThisGroupError,
    add_proposal,
    remove_proposal,
    suite_of,
)
from parlour_mls.codec import LeafNodeSource
from parlour_mls.messages import Update, UpdatePath, Welcome, encode_message, read_message
from parlour_mls.tree import ParentNode

PAIRS = pytest.mark.parametrize(
    ("ours", "other"), [(CLASSIC, HYBRID), (HYBRID, CLASSIC)], ids=["3", "hybrid"]
)


def _no_welcome(*_of: object) -> None:
    """Stand in for a Welcome that no one could seal to a key of another suite."""


def test_a_group_of_the_hybrid_suite_lives() -> None:
    """Members come, talk, rekey, propose, restart and go, as in suite 3; the suite stays."""
    world = World(5, suite=HYBRID)
    for name in ("m3", "m1", "m4", "m0"):
        world.commit(name)
    world.deliver(world["m2"].propose_update(now=NOW), by="m2")
    world.commit("m0", [remove_proposal(world.index("m4"))])
    del world.groups["m4"]
    world.add("m5", by="m3")
    for name, group in world.groups.items():
        world.groups[name] = Group.restore(group.serialise(), world.policy)
    world.commit("m5")
    message = world["m5"].encrypt(b"hello")
    assert world["m0"].decrypt(message).data == b"hello"
    world.agree()
    assert {group.suite for group in world.groups.values()} == {HYBRID}


def test_an_external_commit_of_the_hybrid_suite() -> None:
    """The key that outsiders seal to is of the group's suite, too."""
    policy = replace(World().policy, external_commits=True)
    world = World(2, suite=HYBRID, policy=policy)
    guest = world.device("guest")
    own, info = guest.secrets(HYBRID), world["m0"].group_info()
    message, joined = external_commit(info, own, (), world.psks, policy, world.random)
    world.deliver(message, by="guest")
    world.groups["guest"] = joined
    world.agree()


def test_what_was_kept_before_there_was_a_second_suite() -> None:
    """Groups and key packages of then are read as suite 3, and written down again byte for byte."""
    kept = json.loads((vectors.OWN / "kept.json").read_text("utf-8"))
    group = Group.restore(bytes.fromhex(kept["group"]))
    assert group.suite is CLASSIC
    assert group.epoch_authenticator.hex() == kept["authenticator"]
    assert group.serialise().hex() == kept["group"]
    store = KeyPackageStore.restore(bytes.fromhex(kept["packages"]))
    assert {each.cipher_suite for each in store} == {CLASSIC.number}
    assert store.serialise().hex() == kept["packages"]
    group.commit(now=NOW)


def test_a_suite_that_is_not_known() -> None:
    """Numbers of other suites are refused with their number."""
    for number in (0, 1, 2, 0x004D, 0xF002, 0xFFFF):
        with pytest.raises(NotForThisGroupError, match=f"{number:#06x}"):
            suite_of(number)
    assert suite_of(3) is CLASSIC
    assert suite_of(0xF003) is HYBRID


@PAIRS
def test_a_key_package_of_another_suite(ours: CipherSuite, other: CipherSuite) -> None:
    """Section 10.1: the suite of a key package is the group's, whatever its leaf says to support."""
    world = World(2, suite=ours)
    both = Capabilities(cipher_suites=(CLASSIC.number, HYBRID.number))
    foreign = World(suite=other)
    bad = package(foreign, leaf={"capabilities": both})
    check_add(world, bad, NotForThisGroupError, "cipher suite", {"group.create_commit._welcome": _no_welcome})


@PAIRS
@pytest.mark.parametrize("where", ["leaf", "init"])
def test_a_key_package_with_a_key_of_another_suite(ours: CipherSuite, other: CipherSuite, where: str) -> None:
    """A key package that names the group's suite has keys of that suite."""
    world, key = World(2, suite=ours), other.kem.generate().public
    changes: dict[str, Any] = {"init_key": key} if where == "init" else {"leaf": {"encryption_key": key}}
    bad = package(world, **changes)
    check_add(
        world,
        bad,
        InvalidError,
        "not for the group's cipher suite",
        {"group.create_commit._welcome": _no_welcome},
    )


@PAIRS
def test_a_leaf_that_does_not_list_the_suite(ours: CipherSuite, other: CipherSuite) -> None:
    """Section 11: a member says that it supports the group's suite."""
    world = World(2, suite=ours)
    lists = Capabilities(cipher_suites=(other.number,))
    check_add(world, package(world, leaf={"capabilities": lists}), InvalidError, "does not support")


@PAIRS
def test_an_update_to_a_key_of_another_suite(ours: CipherSuite, other: CipherSuite) -> None:
    """An Update cannot bring a key in to which others could not seal."""
    world = World(3, suite=ours)
    old = world["m0"].tree.leaf(0)
    assert old is not None
    fresh = replace(
        old, encryption_key=other.kem.generate().public, source=LeafNodeSource.UPDATE, lifetime=None
    )
    with lawless():
        leaf = fresh.signed(world.devices["m0"].signer, GROUP_ID, 0)
        message = world["m0"].propose(Update(leaf), now=NOW)
    refused(world["m1"], message, InvalidError, "not for the group's cipher suite")


@PAIRS
@pytest.mark.parametrize("where", ["leaf", "node"])
def test_a_path_with_a_key_of_another_suite(ours: CipherSuite, other: CipherSuite, where: str) -> None:
    """A commit's path cannot either: its leaf and each of its nodes are of the group's suite."""
    world, key = World(4, suite=ours), other.kem.generate().public

    def changed(path: UpdatePath) -> UpdatePath:
        if where == "node":
            return replace(path, nodes=(replace(path.nodes[0], encryption_key=key), *path.nodes[1:]))
        leaf = replace(path.leaf_node, encryption_key=key)
        return replace(path, leaf_node=leaf.signed(world.devices["m0"].signer, GROUP_ID, 0))

    with lawless({"group.create_commit.encrypt_path": sealing(changed)}):
        message = world.stage("m0").message
    refused(world["m1"], message, InvalidError, "not for the group's cipher suite")


@PAIRS
def test_a_tree_with_a_node_of_another_suite(ours: CipherSuite, other: CipherSuite) -> None:
    """Nor does a newcomer take a tree in which a parent has one."""
    world, key = World(4, suite=ours), other.kem.generate().public
    welcome = invite(
        world,
        lambda _, info: with_tree(info, changed_nodes(tree_in(info), {1: ParentNode(key, b"")})),
    )
    check_refused(world, welcome, InvalidError, "not for the group's cipher suite")


@PAIRS
def test_a_welcome_or_group_info_of_another_suite(ours: CipherSuite, other: CipherSuite) -> None:
    """Section 12.4.3.1: a Welcome leads into a group of the suite of the key package that it is for."""
    world = World(2, suite=ours)
    message = read_message(invite(world))
    assert isinstance(message, Welcome)
    changed = encode_message(replace(message, cipher_suite=other.number))
    check_refused(world, changed, NotForThisGroupError, "cipher suite")
    world["m0"].clear_pending_commit()
    renamed = invite(
        world, lambda _, info: replace(info, context=replace(info.context, cipher_suite=other.number))
    )
    check_refused(world, renamed, NotForThisGroupError, "cipher suite")


@PAIRS
def test_members_refuse_before_anything_changes(ours: CipherSuite, other: CipherSuite) -> None:
    """The honest way in, `Group.add`, names the reason and stages nothing."""
    world = World(2, suite=ours)
    foreign = world.device("guest").publish(suite=other)
    with unchanged(world["m0"]), pytest.raises(MlsError, match="another version or cipher suite"):
        world["m0"].commit([add_proposal(foreign)], now=NOW)
