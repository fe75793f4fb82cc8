"""Low-order X25519 points: refused wherever a key enters; the next commit heals a group that has one."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from nacl import bindings
from nacl.exceptions import CryptoError
from tests.mls.mls_invite import changed_nodes, check_refused, invite, tree_in, with_tree
from tests.mls.mls_packages import check_add, package
from tests.mls.mls_world import NOW, World, lawless, refused, unchanged
from tests.mls.validate.test_leaf_rules import bad_update

from parlour_mls import (
    CLASSIC,
    HYBRID,
    AuthenticationError,
    Change,
    CipherSuite,
    CommitApplied,
    Policy,
    UnusableKeyError,
    UnusableLeafKeyError,
    add_proposal,
    remove_proposal,
    unusable_leaves,
)
from parlour_mls.crypto import (
    LOW_ORDER_POINTS,
    HpkeCiphertext,
    KeyPair,
    decrypt_with_label,
    encrypt_with_label,
    setup_sender,
    verify,
)
from parlour_mls.crypto.kem import X25519
from parlour_mls.messages import Add
from parlour_mls.tree import ParentNode
from parlour_mls.tree import update_path as path_module

POINTS = sorted(LOW_ORDER_POINTS)
ZERO = bytes(32)
# libsodium's own blacklist (crypto_core/ed25519/ref10, ge25519_has_small_order), without the sign bit.
SMALL_ORDER_SIGNERS = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@contextmanager
def before_the_rule() -> Iterator[None]:
    """Let a group come about as one did before these keys were refused."""
    with ExitStack() as stack:
        for module in ("crypto.kem", "validate.unusable_keys"):
            where = f"parlour_mls.{module}.LOW_ORDER_POINTS"
            stack.enter_context(mock.patch(where, frozenset[bytes]()))
        yield


@pytest.mark.parametrize("point", POINTS, ids=bytes.hex)
def test_each_is_a_point_with_which_nothing_can_be_agreed(point: bytes) -> None:
    """Libsodium refuses the exchange with each of them; so do we, before it comes to that."""
    with pytest.raises((RuntimeError, CryptoError)):
        bindings.crypto_scalarmult(bytes(range(32)), point)
    with pytest.raises(UnusableKeyError, match="low-order"):
        CLASSIC.check_public_key(point)
    with pytest.raises(UnusableKeyError, match="low-order"):
        HYBRID.check_public_key(HYBRID.kem.generate().public[:-32] + point)
    with pytest.raises(AuthenticationError, match="low-order"):
        encrypt_with_label(CLASSIC.kem, point, "label", b"", b"secret")


def test_their_number_is_known() -> None:
    """Five points, two more encodings that are not reduced, each with and without the bit that is ignored."""
    assert len(LOW_ORDER_POINTS) == 2 * 7
    CLASSIC.check_public_key(CLASSIC.kem.generate().public)


@pytest.mark.parametrize("point", POINTS, ids=bytes.hex)
def test_a_leaf_with_such_a_key_is_not_added(point: bytes) -> None:
    """Refused when adding, as a proposal, and in a commit; the error says whose leaf it was."""
    world = World(2)
    bad = package(world, leaf={"encryption_key": point})
    check_add(world, bad, UnusableKeyError, "low-order")
    with pytest.raises(UnusableLeafKeyError) as caught:
        world["m0"].commit([Add(bad)], now=NOW)
    assert caught.value.leaf == bad.leaf_node


def test_a_forged_leaf_blames_no_one() -> None:
    """The error names a leaf only when its owner has signed it: anyone can write someone's name on one."""
    world = World(2)
    bad = package(world, leaf={"encryption_key": ZERO})
    forged = replace(bad.leaf_node, signature=bytes(64))
    check_add(world, replace(bad, leaf_node=forged), AuthenticationError, "leaf node")


@pytest.mark.parametrize("point", POINTS, ids=bytes.hex)
def test_a_key_package_with_such_an_init_key_is_not_used(point: bytes) -> None:
    """Its Welcome could not be encrypted; refused as a proposal too."""
    world = World(2)
    bad = package(world, init_key=point)
    with unchanged(world["m0"]), pytest.raises(UnusableLeafKeyError, match="low-order") as caught:
        world["m0"].commit([Add(bad)], now=NOW)
    assert caught.value.leaf == bad.leaf_node
    with lawless():
        proposal = world["m0"].propose(Add(bad), now=NOW)
    refused(world["m1"], proposal, UnusableKeyError, "low-order")


def test_an_update_to_such_a_key_is_refused() -> None:
    """A member cannot bring one in by an Update."""
    world = World(2)
    with lawless():
        message = world["m0"].propose(bad_update(world, encryption_key=ZERO), now=NOW)
    refused(world["m1"], message, UnusableKeyError, "low-order")


def _keyed(world: World, by: str, *, leaf: bytes | None = None, parent: bytes | None = None) -> bytes:
    """Let a member commit a path with other public keys than those that it tells."""
    real_parents, real_generate = path_module._parents, X25519.generate

    def parents(tree: Any, nodes: Any, keys: Sequence[bytes]) -> Any:
        return real_parents(tree, nodes, [parent or keys[0], *keys[1:]])

    def generate(kem: X25519, random: Any) -> KeyPair:
        pair = real_generate(kem, random)
        return KeyPair(pair.private, leaf or pair.public)

    with (
        lawless({"tree.update_path._parents": parents}),
        mock.patch.object(X25519, "generate", generate),
        before_the_rule(),
    ):
        pending = world[by].commit(now=NOW)
        world[by].merge_pending_commit()
        return pending.message


def test_a_commit_with_such_a_leaf_is_refused() -> None:
    """A member cannot bring one in by its own path."""
    world = World(3)
    refused(world["m0"], _keyed(world, "m1", leaf=ZERO), UnusableKeyError, "low-order")


def test_a_commit_with_such_a_parent_is_refused() -> None:
    """By those, too, who could not check the key because they stand on the other side of the tree."""
    world = World(4)
    refused(world["m0"], _keyed(world, "m2", parent=ZERO), UnusableKeyError, "low-order")


def test_a_tree_with_such_a_leaf_is_not_joined() -> None:
    """A newcomer takes no tree in which no one could commit."""
    world = World(2)
    bad = package(world, leaf={"encryption_key": ZERO})
    with before_the_rule():
        world.commit("m0", [Add(bad)])
        healing = mock.patch("parlour_mls.group.filter_proposals.unusable_leaves", return_value=frozenset())
        with healing, lawless():
            path = mock.patch("parlour_mls.tree.update_path.encrypt_with_label", _sealed_to_no_one)
            with path:
                welcome = world.stage("m0", [add_proposal(world.device("guest").publish())]).welcome or b""
    check_refused(world, welcome, UnusableKeyError, "low-order")


def _sealed_to_no_one(kem: Any, public: bytes, *more: Any) -> Any:
    usable = kem.generate().public if public in LOW_ORDER_POINTS else public
    return encrypt_with_label(kem, usable, *more)


def test_a_tree_with_such_a_parent_is_not_joined() -> None:
    """Section 12.4.3.1: the tree is judged whole."""
    world = World(5)
    welcome = invite(
        world,
        lambda _, info: with_tree(info, changed_nodes(tree_in(info), {1: ParentNode(ZERO, b"")})),
        {"validate.tree_rules.check_parent_hashes": lambda _: None},
    )
    with mock.patch("parlour_mls.validate.tree_rules.check_parent_hashes"):
        check_refused(world, welcome, UnusableKeyError, "low-order")


def test_an_external_commit_to_such_a_key_is_not_made_or_taken() -> None:
    """HPKE refuses it on both sides: as ``external_pub``, and as a KEM output."""
    world = World(1)
    pair = CLASSIC.kem.generate(world.random)
    sealed = encrypt_with_label(CLASSIC.kem, pair.public, "label", b"", b"secret")
    with pytest.raises(AuthenticationError, match="low-order"):
        setup_sender(CLASSIC.kem, ZERO, b"")
    with pytest.raises(AuthenticationError, match="low-order"):
        decrypt_with_label(CLASSIC.kem, pair, "label", b"", HpkeCiphertext(ZERO, sealed.ciphertext))


@pytest.mark.parametrize("sign", [0, 0x80])
@pytest.mark.parametrize("key", SMALL_ORDER_SIGNERS)
def test_signatures_by_keys_of_small_order_never_verify(key: str, sign: int) -> None:
    """They would verify for any message: R the neutral element, S zero."""
    public = bytearray.fromhex(key)
    public[31] |= sign
    for r in (bytes([1]) + bytes(31), bytes(public)):
        with pytest.raises(AuthenticationError):
            verify(bytes(public), "label", b"anything", r + bytes(32), "leaf node")


# --- groups that have one ---


def _with_bad_leaf(size: int, suite: CipherSuite = CLASSIC) -> World:
    world = World(size, suite=suite)
    bad = suite.kem.generate().public[:-32] + ZERO
    with before_the_rule():
        world.commit("m0", [Add(package(world, leaf={"encryption_key": bad}))])
    return world


@pytest.mark.parametrize("size", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("by", [0, 1])
def test_the_next_commit_of_anyone_removes_the_leaf(size: int, by: int) -> None:
    """Whatever it is for: without that no path could be encrypted, and no one could be added or removed."""
    world = _with_bad_leaf(size)
    assert unusable_leaves(world["m1"].tree) == {size}
    world.add("m9", by=f"m{by}")
    assert not unusable_leaves(world["m0"].tree)
    assert {m.credential.identity for m in world["m0"].members()} == {name.encode() for name in world.groups}
    world.agree()


def test_a_group_of_the_hybrid_suite_is_healed_too() -> None:
    """The point is the end of its keys."""
    world = _with_bad_leaf(3, HYBRID)
    world.commit("m1")
    assert not unusable_leaves(world["m0"].tree)
    world.agree()


def test_without_the_removal_no_commit_can_be_made() -> None:
    """This is what jammed groups."""
    world = _with_bad_leaf(3)
    healing = mock.patch("parlour_mls.group.filter_proposals.unusable_leaves", return_value=frozenset())
    with healing, pytest.raises(AuthenticationError, match="low-order"):
        world["m1"].commit(now=NOW)


def test_the_policy_sees_the_removal() -> None:
    """So that a client lets anyone remove such a leaf, and no one else's."""
    seen: list[Change] = []
    world = _with_bad_leaf(3)
    world["m1"].policy = Policy(authorise=seen.append)
    world.commit("m0")
    assert [(index, change.unusable) for change in seen for _, index, _ in change.removed] == [(3, {3})]
    seen.clear()
    pending = world["m0"].commit([remove_proposal(2)], now=NOW)
    world["m0"].merge_pending_commit()
    world["m1"].process(pending.message, now=NOW)
    assert [change.unusable for change in seen] == [frozenset()]


def test_a_removal_by_name_is_not_done_twice() -> None:
    """Someone who names the leaf gets one Remove, and so does a commit that lost its race."""
    world = _with_bad_leaf(3)
    staged = world["m1"].commit([remove_proposal(3)], now=NOW)
    world.groups.pop("m1")
    won = world.commit("m0")
    assert len(won.outcome.removed) == 1
    assert len(staged.outcome.removed) == 1


def test_a_parent_of_two_that_work_together_is_healed() -> None:
    """Only members below a parent can check its key; who made it is removed, and the parent with it."""
    world = World(6)
    message = _keyed(world, "m2", parent=ZERO)
    del world.groups["m2"], world.groups["m3"]
    with before_the_rule():
        world.deliver(message, by="m2")
    assert unusable_leaves(world["m0"].tree) == {2}
    pending = world.commit("m5")
    assert [member.index for member in pending.outcome.removed] == [2]
    world.agree()


def test_such_a_group_is_still_read() -> None:
    """Messages need no tree: only commits jammed."""
    world = _with_bad_leaf(3)
    frame = world["m1"].encrypt(b"hello")
    assert world["m0"].decrypt(frame).data == b"hello"
    after = copy.copy(world["m0"])
    applied = after.process(world["m1"].commit(now=NOW).message, now=NOW)
    assert isinstance(applied, CommitApplied)
    assert [member.index for member in applied.outcome.removed] == [3]
