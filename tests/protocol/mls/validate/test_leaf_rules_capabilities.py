"""Attacks on what members must support: required capabilities, extensions, credential types, GREASE."""

from dataclasses import replace

import pytest
from tests.protocol.mls.mls_packages import check_add, package
from tests.protocol.mls.mls_world import NOW, Device, World, lawless, refused, unchanged

from parlour_protocol.mls import (
    Capabilities,
    CommitOptions,
    Credential,
    Extension,
    GroupContextExtensions,
    InvalidError,
    LeafChange,
    MalformedError,
    Policy,
)
from parlour_protocol.mls.codec import GREASE, REQUIRED_CAPABILITIES
from parlour_protocol.mls.messages import Add, Remove, RequiredCapabilities


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
            epoch = group._state.epoch
            context = replace(epoch.context, extensions=(required,))
            group._state = replace(group._state, epoch=replace(epoch, context=context))
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
    """Section 12.1.7: not the committer alone and who comes with the commit, every member is measured."""
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


def test_who_is_removed_holds_nobody_back() -> None:
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


def test_a_new_credential_type_needs_everybodys_support() -> None:
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
    """Section 7.3: the committer's own new leaf is no exception."""
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


def test_two_credential_types_where_everybody_knows_both() -> None:
    """Section 13.3: a new type is fine once all support it."""
    both = Capabilities(credentials=(1, 7))
    world = World(2, policy=Policy(validate_credential=lambda _: None))
    for name in ("m0", "m1"):
        world.commit(name, (), CommitOptions(leaf=LeafChange(capabilities=both)))
    other = package(world, leaf={"credential": Credential(7, b"?"), "capabilities": both})
    assert world.commit("m0", [Add(other)]).outcome.added == (2,)
    assert world["m0"].epoch_authenticator == world["m1"].epoch_authenticator
