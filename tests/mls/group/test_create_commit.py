"""What a group promises about its members: key packages, joining, PSKs, extensions, permissions."""

from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_world import GROUP_ID, LIFETIME, MONTH, NOW, Device, World, refused, unchanged
from tests.mls.outsider import external_commit

from parlour_mls import (
    AuthenticationError,
    Change,
    CommitApplied,
    CommitOptions,
    Credential,
    Echo,
    Extension,
    Group,
    GroupContextExtensions,
    InvalidError,
    KeyPackageStore,
    Lifetime,
    MalformedError,
    NotAuthorisedError,
    NotForThisGroupError,
    Policy,
    PolicyError,
    Psks,
    Secret,
    StateError,
    Status,
    UnknownPskError,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import EXTERNAL_SENDERS

PUBLIC = CommitOptions(public=True)


def only_m0_removes(change: Change) -> None:
    """Let only the creator remove members."""
    for sender, _, _ in change.removed:
        if sender.index != 0:
            raise NotAuthorisedError("only the owner removes members")


ONLY_M0_REMOVES = Policy(authorise=only_m0_removes)


def test_the_tree_can_travel_beside_the_welcome() -> None:
    """A Welcome without the tree needs it beside, and says so."""
    world = World(2)
    beside = CommitOptions(tree_in_welcome=False)
    pending = world.stage("m0", [add_proposal(world.device("m2").publish())], beside)
    world["m0"].merge_pending_commit()
    with pytest.raises(InvalidError, match="ratchet tree"):
        world.devices["m2"].join(pending.welcome or b"")
    assert pending.ratchet_tree == world["m0"].ratchet_tree()
    assert world.devices["m2"].join(pending.welcome or b"", ratchet_tree=pending.ratchet_tree)


def test_the_tree_can_be_given_once_the_group_info_is_open() -> None:
    """Only newcomers get its extensions, which may say how to decrypt the tree; a wrong tree is refused."""
    world = World(2)
    key = Extension(0xF0C2, b"key of the tree")
    beside = CommitOptions(tree_in_welcome=False, info_extensions=(key,))
    pending = world.stage("m0", [add_proposal(world.device("m2").publish())], beside)
    welcome, asked = pending.welcome or b"", list[tuple[Extension, ...]]()
    assert key.data not in welcome
    assert key.data not in pending.message

    def tree(extensions: tuple[Extension, ...]) -> bytes:
        asked.append(extensions)
        return pending.ratchet_tree

    device = world.devices["m2"]
    with pytest.raises(AuthenticationError, match="not the one of the group"):
        device.join(welcome, ratchet_tree=lambda _: world["m0"].ratchet_tree())
    assert len(device.store) == 1
    world["m0"].merge_pending_commit()
    world.deliver(pending.message, by="m0")
    world.groups["m2"] = device.join(welcome, ratchet_tree=tree)
    assert asked == [(key,)]
    world.agree()


def test_a_tree_that_cannot_be_given_refuses_the_welcome() -> None:
    """What the callable raises ends the join, as do malformed bytes; the key package is not spent."""
    world = World(1)
    beside = CommitOptions(tree_in_welcome=False)
    pending = world.stage("m0", [add_proposal(world.device("m1").publish())], beside)
    device = world.devices["m1"]

    def refuse(_extensions: tuple[Extension, ...]) -> bytes:
        raise PolicyError("no key for the tree")

    with pytest.raises(PolicyError, match="no key"):
        device.join(pending.welcome or b"", ratchet_tree=refuse)
    with pytest.raises(MalformedError):
        device.join(pending.welcome or b"", ratchet_tree=lambda _: b"\xff")
    assert len(device.store) == 1
    device.join(pending.welcome or b"", ratchet_tree=pending.ratchet_tree)


def test_the_group_info_can_have_other_extensions_beside_the_tree() -> None:
    """With the tree inside the Welcome they are there as well, and a callable is not asked."""
    world = World(1)
    more = CommitOptions(info_extensions=(Extension(0xF0C2, b"more"),))
    pending = world.stage("m0", [add_proposal(world.device("m1").publish())], more)

    def unasked(_extensions: tuple[Extension, ...]) -> bytes:
        raise AssertionError("the tree is inside")

    group = world.devices["m1"].join(pending.welcome or b"", ratchet_tree=unasked)
    assert group.epoch == 1


def test_a_key_package_is_good_for_one_group() -> None:
    """After joining its keys are gone, but for a last-resort package; a failed join spends nothing."""
    world = World(1)
    device = world.device("m1")
    pending = world.stage("m0", [add_proposal(device.publish())])
    with pytest.raises(NotForThisGroupError, match="already"):
        device.join(pending.welcome or b"", existing={GROUP_ID})
    device.join(pending.welcome or b"")
    with pytest.raises(NotForThisGroupError, match="none of our key packages"):
        device.join(pending.welcome or b"")
    world["m0"].clear_pending_commit()
    again = world.stage("m0", [add_proposal(device.publish(last_resort=True))])
    device.join(again.welcome or b"")
    assert device.join(again.welcome or b"")


def test_psks_are_mixed_in_and_must_be_known() -> None:
    """External and resumption PSKs reach everyone, newcomers too; members that lack one get an error."""
    world = World(3)
    world.commit("m0")
    world.psks = Psks({b"quantum": Secret(bytes(32))})
    psks = [world.external_psk(b"quantum"), world.resumption_psk(1)]
    pending = world.stage("m0", psks)
    refused(world["m1"], pending.message, UnknownPskError, "does not have")
    world["m0"].merge_pending_commit()
    world.deliver(pending.message, by="m0")
    world.agree()
    joining = world.commit_adding("m1", ["m3"])
    assert joining.outcome.added == (3,)
    world.agree()


def test_a_removed_member_needs_no_psk() -> None:
    """A removed member learns of it although it lacks a key of the next epoch."""
    world = World(3)
    psks = Psks({b"k": Secret(b"key")})
    psk = world.external_psk(b"k")
    message = world["m0"].commit([remove_proposal(2), psk], now=NOW, psks=psks).message
    event = world["m2"].process(message, now=NOW)
    assert isinstance(event, CommitApplied)
    assert event.removed_us


def test_a_psk_in_an_adding_commit_reaches_the_newcomer() -> None:
    """The Welcome names the PSK, and only who has it can join."""
    world = World(2)
    world.psks = Psks({b"k": Secret(b"key")})
    package = world.device("m2").publish()
    pending = world.commit("m0", [add_proposal(package), world.external_psk(b"k")])
    with pytest.raises(UnknownPskError):
        world.devices["m2"].join(pending.welcome or b"")
    world.groups["m2"] = world.devices["m2"].join(pending.welcome or b"", psks=world.psks)
    world.agree()


def test_extensions_of_the_group_are_agreed_on() -> None:
    """A replaced extension is seen by all; who does not support it cannot be added."""
    policy = Policy(extensions=frozenset({0xF0C0}))
    world = World(2, policy=policy, extensions=(Extension(0xF0C0, b"room a"),))
    world.commit("m0", [GroupContextExtensions((Extension(0xF0C0, b"room b"),))])
    assert world["m1"].context.extensions == (Extension(0xF0C0, b"room b"),)
    plain = Device("plain", world.random)
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="does not support group extension"):
        world.stage("m0", [add_proposal(plain.publish())])


def test_a_group_info_lets_someone_in_where_the_policy_allows() -> None:
    """An external commit joins; under the default policy it is refused."""
    world = World(3)
    open_door, own = Policy(external_commits=True), world.device("guest").secrets()
    info = world["m0"].group_info()
    message, guest = external_commit(info, own, (), world.psks, open_door, world.random)
    refused(world["m1"], message, PolicyError, "external commits are switched off")
    for group in world.groups.values():
        group.policy = open_door
    for name in world.groups:
        event = world[name].process(message, now=NOW)
        assert isinstance(event, CommitApplied)
        assert event.outcome.external
    world.groups["guest"] = guest
    assert isinstance(guest.process(message, now=NOW), Echo)
    world.agree()
    world.commit("guest")
    world.agree()


def test_the_application_decides_who_may_do_what() -> None:
    """A proposal that is not authorised is not even kept, and a commit of it is refused by all."""
    world = World(3)
    message = world["m1"].propose(remove_proposal(2), now=NOW)
    commit = Group.restore(world["m1"].serialise()).commit(now=NOW).message
    world["m2"].policy = ONLY_M0_REMOVES
    refused(world["m2"], message, NotAuthorisedError, "only the owner")
    world["m0"].policy = ONLY_M0_REMOVES
    refused(world["m0"], commit, StateError, "refers to a proposal")
    world["m1"].set_aside_proposals()
    world.commit("m0", [remove_proposal(2)])
    assert world["m2"].status is Status.REMOVED


def test_the_application_authorises_what_a_commit_itself_brings() -> None:
    """A change that was never proposed is judged like one that was, by who makes the commit, too."""
    world = World(3)
    message = world["m1"].commit([remove_proposal(2)], now=NOW).message
    world["m1"].clear_pending_commit()
    for name in world.groups:
        world[name].policy = ONLY_M0_REMOVES
    refused(world["m0"], message, NotAuthorisedError, "only the owner")
    with unchanged(world["m1"]), pytest.raises(NotAuthorisedError, match="only the owner"):
        world["m1"].commit([remove_proposal(2)], now=NOW)
    world.commit("m0", [remove_proposal(2)])


def test_the_application_sees_what_a_commit_carries_and_whom_it_concerns() -> None:
    """Authenticated data, and the leaves as they were: its maker, and everyone who follows it."""
    world = World(3)
    seen: dict[str, list[Change]] = {name: [] for name in world.groups}
    for name in world.groups:
        world[name].policy = Policy(authorise=seen[name].append)
    package = world.device("m3").publish()
    options = CommitOptions(authenticated_data=b"signed by someone")
    proposals = [remove_proposal(2), add_proposal(package)]
    message = world["m0"].commit(proposals, now=NOW, options=options).message
    world["m1"].process(message, now=NOW)
    for name in ("m0", "m1"):
        (change,) = seen[name]
        assert change.authenticated_data == b"signed by someone"
        assert [index for index, _ in change.members] == [0, 1, 2]
    world["m1"].propose(remove_proposal(0), now=NOW, options=options)
    assert seen["m1"][-1].authenticated_data == b"signed by someone"


def test_own_leaves_keep_the_rules_that_others_apply() -> None:
    """A key package or a group that everyone else would refuse is not made in the first place."""
    device = Device("m0", World().random)
    long = Lifetime(NOW, NOW + 12 * MONTH)
    odd = Credential(2, b"")
    broken = Extension(EXTERNAL_SENDERS, b"\xff")
    with pytest.raises(PolicyError, match="too long"):
        device.store.create(device.credential, device.signer, long)
    with pytest.raises(PolicyError, match="not supported by this client"):
        device.store.create(odd, device.signer, LIFETIME)
    assert len(device.store) == 0
    with pytest.raises(PolicyError, match="too long"):
        Group.create(GROUP_ID, device.credential, device.signer, long)
    with pytest.raises(MalformedError):
        Group.create(GROUP_ID, device.credential, device.signer, LIFETIME, extensions=(broken,))


def test_expired_and_everlasting_key_packages_are_not_added() -> None:
    """At the limits they are, one second past them they are not."""
    skew, ninety = 3_600, 90 * 86_400
    world = World(1)
    good = [
        Lifetime(NOW + skew, NOW + MONTH),
        Lifetime(NOW - MONTH, NOW - skew),
        Lifetime(NOW, NOW + ninety + skew),
    ]
    for number, lifetime in enumerate(good):
        package = world.device(f"good {number}").publish(lifetime=lifetime)
        assert world["m0"].commit([add_proposal(package)], now=NOW)
        world["m0"].clear_pending_commit()
    lax = Policy(max_lifetime=None)
    bad = [
        Lifetime(NOW + skew + 1, NOW + MONTH),
        Lifetime(NOW - MONTH, NOW - skew - 1),
        Lifetime(NOW, NOW + ninety + skew + 1),
    ]
    for number, lifetime in enumerate(bad):
        package = Device(f"bad {number}", world.random, lax).publish(lifetime=lifetime)
        with unchanged(world["m0"]), pytest.raises(PolicyError, match=r"lifetime|expired"):
            world["m0"].commit([add_proposal(package)], now=NOW)


def test_default_capability_types_are_never_listed() -> None:
    """Section 7.2: default extension and proposal types are not in our capabilities."""
    leaf = World(1, policy=Policy(extensions=frozenset({1, 3, 5, 0xF0C1})))["m0"].tree.leaf(0)
    assert leaf is not None
    assert leaf.capabilities.extensions == (0x000A, 0xF0C1)
    assert leaf.capabilities.proposals == ()
    assert leaf.lifetime == LIFETIME


def test_private_keys_that_do_not_belong_to_a_key_package() -> None:
    """A store takes a key package only with its own private keys."""
    world = World(1)
    device = world.device("m1")
    good, other = device.secrets(), world.device("m2").secrets()
    wrongs: tuple[dict[str, Any], ...] = (
        {"init_private": other.init_private},
        {"encryption_private": other.encryption_private},
        {"signer": other.signer},
    )
    for wrong in wrongs:
        with pytest.raises(InvalidError, match="do not belong"):
            KeyPackageStore().add(replace(good, **wrong))
    KeyPackageStore().add(good)


def test_a_leaf_that_is_unmerged_on_both_sides_of_a_parent_hash() -> None:
    """Section 7.9: the original sibling hash is taken without the leaf and its mentions in the nodes below.

    The newcomer is unmerged at the root and at the root's right child, which the root's parent hash covers.
    """
    world = World(7)
    world.commit("m5")
    world.commit("m0")
    world.add("m7", options=CommitOptions(path=False))
    tree = world["m0"].tree
    right = tree.parent(11)
    root = tree.parent(tree.root)
    assert right is not None
    assert root is not None
    assert right.unmerged_leaves == root.unmerged_leaves == (7,)
    world.agree()
