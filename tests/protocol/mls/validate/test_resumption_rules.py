"""Attacks with groups that continue another one (RFC 9420 sections 11.2, 11.3 and 12.4.3.1)."""

import pytest
from tests.protocol.mls.mls_world import GROUP_ID, LIFETIME, NOW, World, lawless

from parlour_protocol.mls import (
    CLASSIC,
    HYBRID,
    CipherSuite,
    Group,
    InvalidError,
    MlsError,
    NotAuthorisedError,
    NotForThisGroupError,
    Policy,
    Psks,
    ReInit,
    add_proposal,
)
from parlour_protocol.mls.codec.registries import ResumptionUsage
from parlour_protocol.mls.messages.proposals import PreSharedKey, ResumptionPskId

WIDE = Policy(reinit=True, branching=True)


NEXT = ReInit(b"next", 1, 3, ())


def continue_group(
    old: World,
    usage: ResumptionUsage,
    names: list[str],
    group_id: bytes = b"next",
    founders_epoch: int = 0,
    suite: CipherSuite = CLASSIC,
) -> bytes:
    """Let m0 found a group that continues the old one, and give the Welcome for the others."""
    founder = old.devices["m0"]
    new = Group.create(
        group_id, founder.credential, founder.signer, LIFETIME, suite=suite, policy=WIDE, random=old.random
    )
    for _ in range(founders_epoch):
        new.commit(now=NOW)
        new.merge_pending_commit()
    resumption = old["m0"]._state.resumption[old["m0"].epoch]
    psk = ResumptionPskId(usage, GROUP_ID, old["m0"].epoch, bytes(32))
    psks = Psks({}, {(GROUP_ID, old["m0"].epoch): resumption})
    packages = [add_proposal(old.device(name).publish(suite=suite)) for name in names]
    with lawless():
        return new.commit([*packages, PreSharedKey(psk)], now=NOW, psks=psks).welcome or b""


def reinitialised(size: int) -> World:
    """Make a world whose group was closed in favour of a new one."""
    world = World(size, policy=WIDE)
    world.commit("m0", [NEXT])
    return world


def test_a_reinitialised_group_is_joined_again() -> None:
    """Section 11.2: same members, announced parameters, epoch 1."""
    old = reinitialised(3)
    welcome = continue_group(old, ResumptionUsage.REINIT, ["m1", "m2"])
    group = old.devices["m1"].join(welcome, predecessor=old["m1"])
    assert (group.group_id, group.epoch) == (b"next", 1)


def test_a_branch_is_joined() -> None:
    """Section 11.3: some members of the old group."""
    old = World(3, policy=WIDE)
    welcome = continue_group(old, ResumptionUsage.BRANCH, ["m1"])
    assert old.devices["m1"].join(welcome, predecessor=old["m1"]).epoch == 1


def test_false_successors() -> None:
    """Sections 11.2, 11.3 and 12.4.3.1: what does not match the old group is refused."""
    reinit, branch = ResumptionUsage.REINIT, ResumptionUsage.BRANCH
    cases: list[tuple[World, bytes, type[MlsError], str]] = []
    old = reinitialised(3)
    cases.append((old, continue_group(old, reinit, ["m1"]), NotAuthorisedError, "missing"))
    old = reinitialised(2)
    cases.append((old, continue_group(old, reinit, ["m1"], b"else"), InvalidError, "differs"))
    old = reinitialised(2)
    cases.append((old, continue_group(old, reinit, ["m1"], founders_epoch=1), InvalidError, "epoch 1"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, reinit, ["m1"]), InvalidError, "not reinitialised"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, branch, ["m1", "spy"]), NotAuthorisedError, "has not"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, branch, ["m1"], founders_epoch=2), InvalidError, "epoch 1"))
    old = World(2, policy=WIDE, suite=HYBRID)
    cases.append((old, continue_group(old, branch, ["m1"]), InvalidError, "cipher suite"))
    for world, welcome, error, why in cases:
        with pytest.raises(error, match=why):
            world.devices["m1"].join(welcome, predecessor=world["m1"])
    old = World(2, policy=WIDE)
    welcome = continue_group(old, branch, ["m1"])
    resumption = Psks({}, {(GROUP_ID, 1): old["m1"]._state.resumption[1]})
    with pytest.raises(NotForThisGroupError, match="not at hand"):
        old.devices["m1"].join(welcome, psks=resumption)
