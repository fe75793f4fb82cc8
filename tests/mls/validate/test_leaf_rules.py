"""Attacks with leaves and key packages, one for each rule of RFC 9420 sections 7.3, 10.1 and 13.4."""

from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_packages import check_add, package
from tests.mls.mls_world import GROUP_ID, NOW, Device, World, lawless, refused, unchanged

from parlour_mls import (
    CLASSIC,
    AuthenticationError,
    Capabilities,
    CommitOptions,
    Credential,
    Extension,
    GroupContextExtensions,
    InvalidError,
    LeafChange,
    LeafNode,
    Lifetime,
    MalformedError,
    MlsError,
    NotAuthorisedError,
    NotForThisGroupError,
    Policy,
    PolicyError,
    SigningKey,
    add_proposal,
)
from parlour_mls.codec import GREASE, REQUIRED_CAPABILITIES, LeafNodeSource, decode
from parlour_mls.messages import Add, Remove, RequiredCapabilities, Update, encode_message

KEY = CLASSIC.kem.complete(bytes(range(32))).public


BAD_PACKAGES: dict[str, tuple[dict[str, Any], dict[str, Any], type[MlsError], str]] = {
    "other suite": ({}, {"cipher_suite": 1}, NotForThisGroupError, "cipher suite"),
    "other version": ({}, {"version": 2}, NotForThisGroupError, "version"),
    "init key is leaf key": ({"encryption_key": KEY}, {"init_key": KEY}, InvalidError, "init key"),
    "source update": (
        {"source": LeafNodeSource.UPDATE, "lifetime": None},
        {},
        InvalidError,
        "made for UPDATE",
    ),
    "source commit": (
        {"source": LeafNodeSource.COMMIT, "lifetime": None, "parent_hash": b""},
        {},
        InvalidError,
        "made for COMMIT",
    ),
    "version not listed": ({"capabilities": Capabilities(versions=(2,))}, {}, InvalidError, "version"),
    "suite not listed": ({"capabilities": Capabilities(cipher_suites=(1,))}, {}, InvalidError, "suite"),
    "credential not listed": (
        {"capabilities": Capabilities(credentials=(2,))},
        {},
        InvalidError,
        "its own credential type",
    ),
    "extension not listed": ({"extensions": (Extension(0xF0C1, b""),)}, {}, InvalidError, "61633"),
    "lifetime too long": ({"lifetime": Lifetime(0, NOW + 1)}, {}, PolicyError, "too long"),
    "lifetime negative": ({"lifetime": Lifetime(NOW + 1, NOW - 1)}, {}, PolicyError, "negative"),
    "expired": ({"lifetime": Lifetime(NOW - 9_999, NOW - 4_000)}, {}, PolicyError, "expired"),
    "not valid yet": ({"lifetime": Lifetime(NOW + 4_000, NOW + 9_999)}, {}, PolicyError, "not valid yet"),
    "x509 credential": (
        {"credential": Credential(2, b""), "capabilities": Capabilities(credentials=(1, 2))},
        {},
        PolicyError,
        "not supported by this client",
    ),
}


@pytest.mark.parametrize("name", BAD_PACKAGES)
def test_bad_key_packages(name: str) -> None:
    """Sections 7.3 and 10.1: refused by who adds, by who gets the proposal, by who gets the commit."""
    leaf, changes, error, why = BAD_PACKAGES[name]
    world = World(2)
    check_add(world, package(world, leaf=leaf, **changes), error, why)


def test_a_key_package_with_a_foreign_signature() -> None:
    """Section 10.1: the package, and the leaf in it, are signed by the leaf's owner."""
    world = World(2)
    good = package(world)
    stranger = SigningKey.generate(world.random)
    check_add(
        world,
        replace(good, signature=stranger.sign("KeyPackageTBS", good.body())),
        AuthenticationError,
        "key package",
    )
    forged = replace(good.leaf_node, signature=bytes(64))
    check_add(world, replace(good, leaf_node=forged), AuthenticationError, "leaf node")


def test_a_key_package_of_a_member() -> None:
    """ValSem101, 103: signature and encryption keys are unique among members (section 7.3)."""
    world = World(2)
    twin = world.devices["m1"].secrets().package
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="same signature key"):
        world["m0"].commit([Add(twin)], now=NOW)
    with lawless():
        message = world["m0"].commit([Add(twin)], now=NOW).message
    refused(world["m1"], message, InvalidError, "same signature key")
    world["m0"].clear_pending_commit()
    member = world["m1"].tree.leaf(1)
    assert member is not None
    thief = package(world, leaf={"encryption_key": member.encryption_key})
    with lawless():
        message = world["m0"].commit([Add(thief)], now=NOW).message
    refused(world["m1"], message, InvalidError, "same encryption key")


def bad_update(world: World, **changes: Any) -> Update:
    """Make an Update of m0 with some fields changed, signed for its place."""
    old = world["m0"].tree.leaf(0)
    assert old is not None
    fresh: dict[str, Any] = {
        "encryption_key": CLASSIC.kem.generate(world.random).public,
        "source": LeafNodeSource.UPDATE,
        "lifetime": None,
    }
    leaf = replace(old, **{**fresh, **changes})
    return Update(leaf.signed(world.devices["m0"].signer, GROUP_ID, 0))


@pytest.mark.parametrize(
    ("changes", "error", "why"),
    [
        (
            {"source": LeafNodeSource.KEY_PACKAGE, "lifetime": Lifetime(NOW, NOW)},
            InvalidError,
            "made for KEY_PACKAGE",
        ),
        ({"credential": Credential.basic(b"someone else")}, NotAuthorisedError, "another identity"),
        ({"capabilities": Capabilities(credentials=(2,))}, InvalidError, "credential type"),
        ({"extensions": (Extension(0xF0C1, b""),)}, InvalidError, "does not list"),
    ],
    ids=["source", "identity", "capabilities", "extensions"],
)
def test_bad_updates(changes: dict[str, Any], error: type[MlsError], why: str) -> None:
    """ValSem109, 110 and section 5.3.1: an Update obeys the rules of leaves and keeps its identity."""
    world = World(3)
    proposal = bad_update(world, **changes)
    with lawless():
        message = world["m0"].propose(proposal, now=NOW)
    refused(world["m1"], message, error, why)


def test_an_update_that_keeps_its_key() -> None:
    """Section 7.3: the new encryption key differs from the old one."""
    world = World(2)
    old = world["m0"].tree.leaf(0)
    assert old is not None
    proposal = bad_update(world, encryption_key=old.encryption_key)
    with lawless():
        message = world["m0"].propose(proposal, now=NOW)
    refused(world["m1"], message, InvalidError, "keeps the encryption key")


@pytest.mark.parametrize(("group_id", "index"), [(b"elsewhere", 0), (GROUP_ID, 1)])
def test_an_update_signed_for_another_place(group_id: bytes, index: int) -> None:
    """Section 7.2: the signature binds a leaf to its group and index."""
    world = World(2)
    leaf = bad_update(world).leaf_node.signed(world.devices["m0"].signer, group_id, index)
    with lawless():
        message = world["m0"].propose(Update(leaf), now=NOW)
    refused(world["m1"], message, AuthenticationError, "leaf node")


def test_a_commit_cannot_change_the_identity_or_drop_a_capability() -> None:
    """Section 5.3.1: the leaf of a commit's path is checked like any other that enters the tree."""
    for change, error, why in (
        (LeafChange(credential=Credential.basic(b"admin")), NotAuthorisedError, "another identity"),
        (LeafChange(capabilities=Capabilities(credentials=(9,))), InvalidError, "credential type"),
        (LeafChange(extensions=(Extension(0xF0C1, b""),)), InvalidError, "does not list"),
    ):
        world = World(2)
        with unchanged(world["m0"]), pytest.raises(error, match=why):
            world.stage("m0", (), CommitOptions(leaf=change))
        with lawless():
            message = world.stage("m0", (), CommitOptions(leaf=change)).message
        refused(world["m1"], message, error, why)


def test_a_changed_leaf_forgets_its_old_bytes() -> None:
    """A leaf that was decoded and then changed is written as it is now."""
    leaf = decode(LeafNode.read, package(World(1)).leaf_node.encode())
    changed = replace(leaf, credential=Credential.basic(b"other"))
    assert b"other" in changed.encode()
    assert decode(LeafNode.read, changed.encode()) == changed


def test_the_same_extension_twice() -> None:
    """Section 13.4: a list of extensions holds each type once."""
    world = World(1)
    twice = package(world, extensions=(Extension(0xDADA, b"a"), Extension(0xDADA, b"b")))
    with unchanged(world["m0"]), pytest.raises(MalformedError, match="same type twice"):
        world["m0"].commit([add_proposal(encode_message(twice))], now=NOW)


# --- what members must support: required capabilities, extensions, credential types, GREASE ---


def test_required_capabilities_bind_newcomers() -> None:
    """ValSem106: who lacks a required extension, proposal or credential type is not added (section 11.1)."""
    for lacking in (
        RequiredCapabilities((0xF0C1,)),
        RequiredCapabilities((), (0xF001,)),
        RequiredCapabilities((), (), (7,)),
    ):
        required = Extension(REQUIRED_CAPABILITIES, lacking.encode())
        world = World(2)
        for group in world.groups.values():
            epoch = group.state.epoch
            context = replace(epoch.context, extensions=(required,))
            group.state = replace(group.state, epoch=replace(epoch, context=context))
        check_add(world, package(world), InvalidError, "the group requires")


def test_required_capabilities_must_be_met_by_all_members() -> None:
    """Section 12.1.7: an extension list that asks for more than a member has is invalid."""
    world = World(2)
    for extension, why in (
        (Extension(REQUIRED_CAPABILITIES, RequiredCapabilities((0xF0C1,)).encode()), "the group requires"),
        (Extension(0xF0C0, b""), "does not support group extension"),
    ):
        proposal = GroupContextExtensions((extension,))
        with unchanged(world["m0"]), pytest.raises(InvalidError, match=why):
            world["m0"].commit([proposal], now=NOW)
        with lawless():
            message = world["m0"].commit([proposal], now=NOW).message
        refused(world["m1"], message, InvalidError, why)
        world["m0"].clear_pending_commit()


def test_required_capabilities_must_be_met_by_who_only_looks_on() -> None:
    """Section 12.1.7: every member is checked, not only the committer and new members."""
    able = Policy(extensions=frozenset({0xF0C0, 0xF0C1}))
    demand = RequiredCapabilities((0xF0C1,))
    for extension, why in (
        (Extension(REQUIRED_CAPABILITIES, demand.encode()), "the group requires"),
        (Extension(0xF0C0, b""), "does not support group extension"),
    ):
        world = World(1, policy=able)
        world.add("m1")
        world.devices["m2"] = Device("m2", world.random)
        world.add("m2")
        proposal = GroupContextExtensions((extension,))
        with unchanged(world["m0"]), pytest.raises(InvalidError, match=why):
            world["m0"].commit([proposal], now=NOW)
        with lawless():
            message = world["m0"].commit([proposal], now=NOW).message
        refused(world["m1"], message, InvalidError, why)


def test_a_group_extension_that_cannot_be_read() -> None:
    """A damaged required_capabilities or external_senders extension is malformed."""
    world = World(2)
    for kind in (REQUIRED_CAPABILITIES, 5):
        proposal = GroupContextExtensions((Extension(kind, b"\xff"),))
        with lawless():
            message = world["m0"].propose(proposal, now=NOW)
        refused(world["m1"], message, MalformedError, "")


def test_nothing_follows_what_an_extension_holds() -> None:
    """Trailing bytes in the content of an extension are malformed (OpenMLS #2134), not passed over."""
    world = World(2)
    good = RequiredCapabilities().encode()
    for data, right in ((good, True), (good + b"\0", False)):
        proposal = GroupContextExtensions((Extension(REQUIRED_CAPABILITIES, data),))
        with lawless():
            message = world["m0"].propose(proposal, now=NOW)
        if right:
            world["m1"].process(message, now=NOW)
        else:
            refused(world["m1"], message, MalformedError, "")


def test_a_removed_member_does_not_block_the_commit() -> None:
    """What a member cannot do counts no more in the commit that removes it (OpenMLS #1943)."""
    able = Policy(extensions=frozenset({0xF0C0}))
    world = World(2, policy=able)
    world.devices["m2"] = Device("m2", world.random)  # does not know the extension
    world.add("m2")
    wanted = GroupContextExtensions((Extension(0xF0C0, b""),))
    with pytest.raises(InvalidError, match="does not support group extension"):
        world["m0"].commit([wanted], now=NOW)
    world.commit("m0", [wanted, Remove(world.index("m2"))])
    assert world["m1"].context.extensions == (Extension(0xF0C0, b""),)


def test_a_new_credential_type_needs_everyones_support() -> None:
    """Section 7.3: members who do not know a credential type keep it out."""
    world = World(2, policy=Policy(validate_credential=lambda _: None))
    both = Capabilities(credentials=(1, 7))
    stranger = package(world, leaf={"credential": Credential(7, b"?"), "capabilities": both})
    for options in (CommitOptions(), CommitOptions(path=False)):
        with lawless():
            message = world["m0"].commit([Add(stranger)], now=NOW, options=options).message
        refused(world["m1"], message, InvalidError, "credential type that is in use")
        world["m0"].clear_pending_commit()


def test_a_commit_cannot_bring_in_a_new_credential_type_either() -> None:
    """Section 7.3: the committer's own new leaf is checked, too."""
    world = World(2, policy=Policy(validate_credential=lambda _: None, validate_successor=lambda _, __: None))
    change = LeafChange(credential=Credential(7, b"?"), capabilities=Capabilities(credentials=(1, 7)))
    options = CommitOptions(leaf=change)
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="credential type that is in use"):
        world.stage("m0", (), options)
    with lawless():
        message = world.stage("m0", (), options).message
    refused(world["m1"], message, InvalidError, "credential type that is in use")


def test_grease_is_ignored_everywhere() -> None:
    """Section 13.5: unknown values in capabilities and extensions change nothing."""
    world = World(2)
    odd = tuple(sorted(GREASE))[:3]
    caps = Capabilities((1, *odd), (3, *odd), odd, odd, (1, *odd))
    greased = package(
        world,
        leaf={"capabilities": caps, "extensions": (Extension(odd[0], b"x"), Extension(0xEAEA, b""))},
        extensions=(Extension(0xDADA, b"y"),),
    )
    pending = world.commit("m0", [Add(greased)])
    assert pending.outcome.added == (2,)
    assert world["m0"].epoch_authenticator == world["m1"].epoch_authenticator


def test_two_credential_types_where_everyone_knows_both() -> None:
    """Section 13.3: a new type is fine once all support it."""
    both = Capabilities(credentials=(1, 7))
    world = World(2, policy=Policy(validate_credential=lambda _: None))
    for name in ("m0", "m1"):
        world.commit(name, (), CommitOptions(leaf=LeafChange(capabilities=both)))
    other = package(world, leaf={"credential": Credential(7, b"?"), "capabilities": both})
    assert world.commit("m0", [Add(other)]).outcome.added == (2,)
    assert world["m0"].epoch_authenticator == world["m1"].epoch_authenticator
