"""Attacks with lists of proposals, one for each rule of RFC 9420 sections 12.1 and 12.2.

Each is committed by a member that keeps no rules and refused by one that does; and the engine refuses to
make it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from unittest import mock

import pytest
from tests.mls.mls_world import NOW, Device, World, lawless, refused, unchanged

from parlour_mls import (
    CommitOptions,
    Extension,
    GroupContextExtensions,
    InvalidError,
    MalformedError,
    MlsError,
    Policy,
    PolicyError,
    Proposal,
    Psks,
    ReInit,
    Secret,
    StateError,
    Status,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import ResumptionUsage, SenderType
from parlour_mls.epoch import QueuedProposal
from parlour_mls.messages import (
    Add,
    ExternalInit,
    ExternalPskId,
    PreSharedKey,
    ResumptionPskId,
    Sender,
    Update,
    member,
)
from parlour_mls.validate.proposal_rules import check_updates

NONCE = bytes(32)
PSK = PreSharedKey(ExternalPskId(b"k", NONCE))
PSKS = Psks({b"k": Secret(b"key")}, {(b"other", 1): Secret(b"other")})
REINIT = ReInit(b"next", 1, 3, ())
OPEN = Policy(reinit=True)

Make = Callable[[World], Sequence[Proposal]]


def _own_update(world: World) -> Proposal:
    leaf = world["m0"].tree.leaf(0)
    assert leaf is not None
    return Update(leaf)


def _same_client(world: World) -> Sequence[Proposal]:
    device = Device("twice", world.random)
    return [add_proposal(device.publish()), add_proposal(device.publish())]


def _same_init_key(world: World) -> Sequence[Proposal]:
    one, other = Device("one", world.random), Device("other", world.random)
    shared, package = one.secrets().package, other.secrets().package
    return [Add(shared), Add(replace(package, init_key=shared.init_key).signed(other.signer))]


def _same_encryption_key(world: World) -> Sequence[Proposal]:
    one, other = Device("one", world.random), Device("other", world.random)
    shared, package = one.secrets().package, other.secrets().package
    leaf = replace(package.leaf_node, encryption_key=shared.leaf_node.encryption_key).signed(other.signer)
    return [Add(shared), Add(replace(package, leaf_node=leaf).signed(other.signer))]


LISTS: dict[str, tuple[Make, str]] = {
    "update by the committer": (lambda w: [_own_update(w)], "Update of the committer"),
    "remove of the committer": (lambda _: [remove_proposal(0)], "removes its committer"),
    "remove of a blank leaf": (lambda _: [remove_proposal(3)], "blank leaf"),
    "remove far outside": (lambda _: [remove_proposal(99_999)], "blank leaf"),
    "two removes of one leaf": (lambda _: [remove_proposal(2)] * 2, "one leaf twice"),
    "one client twice": (_same_client, "same client twice"),
    "one init key twice": (_same_init_key, "one init key"),
    "one encryption key twice": (_same_encryption_key, "same encryption key"),
    "one psk twice": (lambda _: [PSK, PSK], "same PSK twice"),
    "psk with a short nonce": (lambda _: [PreSharedKey(ExternalPskId(b"k", b"short"))], "nonce"),
    "psk for a reinit": (
        lambda _: [PreSharedKey(ResumptionPskId(ResumptionUsage.REINIT, b"other", 1, NONCE))],
        "usage REINIT",
    ),
    "psk for a branch": (
        lambda _: [PreSharedKey(ResumptionPskId(ResumptionUsage.BRANCH, b"other", 1, NONCE))],
        "usage BRANCH",
    ),
    "two extension lists": (lambda _: [GroupContextExtensions(())] * 2, "two GroupContextExtensions"),
    "reinit and something else": (lambda _: [PSK, REINIT], "ReInit and another"),
    "reinit to an older version": (lambda _: [replace(REINIT, version=0)], "lowers the protocol version"),
    "external init by a member": (lambda _: [ExternalInit(bytes(32))], "ExternalInit"),
}


@pytest.mark.parametrize("name", LISTS)
def test_bad_lists(name: str) -> None:
    """Section 12.2: no one makes such a list, and no one takes it."""
    make, why = LISTS[name]
    world = World(3, policy=OPEN)
    proposals = make(world)
    with unchanged(world["m0"]), pytest.raises(InvalidError, match=why):
        world["m0"].commit(proposals, now=NOW, psks=PSKS)
    with lawless():
        message = world["m0"].commit(proposals, now=NOW, psks=PSKS).message
    refused(world["m1"], message, InvalidError, why, psks=PSKS)


def test_an_update_and_a_remove_of_one_leaf() -> None:
    """Section 12.2: a list that updates and removes one member is invalid."""
    world = World(3)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    (ref,) = world["m0"].proposals
    both = [
        (ref, world["m0"].proposals[ref]),
        (remove_proposal(1), QueuedProposal(remove_proposal(1), member(0))),
    ]
    with lawless({"group.group.filter_proposals": lambda *_: both}):
        message = world.stage("m0").message
    refused(world["m2"], message, InvalidError, "one leaf twice")


def test_single_proposals_are_judged_when_they_come() -> None:
    """Section 12.1: an invalid proposal is not kept, so it cannot jam a later commit."""
    world = World(2, policy=OPEN)
    for proposal, why in (
        (remove_proposal(7), "blank leaf"),
        (PreSharedKey(ExternalPskId(b"k", b"")), "nonce"),
        (PreSharedKey(ResumptionPskId(ResumptionUsage.BRANCH, b"g", 1, NONCE)), "usage BRANCH"),
        (ExternalInit(bytes(32)), "only external commits"),
        (replace(REINIT, version=0), "lowers the protocol version"),
    ):
        with unchanged(world["m0"]), pytest.raises(InvalidError, match=why):
            world["m0"].propose(proposal, now=NOW)
        with lawless():
            message = world["m0"].propose(proposal, now=NOW)
        refused(world["m1"], message, InvalidError, why)


def test_reinit_is_refused_by_default_and_closes_the_group_where_allowed() -> None:
    """Sections 11.2 and 12.4.2: after it no one may send."""
    world = World(2)
    with unchanged(world["m0"]), pytest.raises(PolicyError, match="ReInit is switched off"):
        world["m0"].commit([REINIT], now=NOW)
    with lawless():
        proposal = world["m0"].propose(REINIT, now=NOW)
        world["m0"].set_aside_proposals()
        message = world["m0"].commit([REINIT], now=NOW).message
    refused(world["m1"], proposal, PolicyError, "ReInit is switched off")
    refused(world["m1"], message, PolicyError, "ReInit is switched off")
    world["m1"].policy = OPEN
    event = world["m1"].process(message, now=NOW)
    assert getattr(event, "reinit", False)
    actions: list[Callable[[], object]] = [
        lambda: world["m1"].encrypt(b""),
        lambda: world["m1"].commit(now=NOW),
        lambda: world["m1"].propose(remove_proposal(0), now=NOW),
        lambda: world["m1"].propose_update(now=NOW),
        world["m1"].group_info,
    ]
    for action in actions:
        with unchanged(world["m1"]), pytest.raises(StateError, match="closed"):
            action()


@pytest.mark.parametrize("public", [True, False])
def test_nothing_changes_a_group_that_is_closed_or_has_removed_us(public: bool) -> None:  # noqa: FBT001
    """Section 12.4.2: after a ReInit the group is over, and removed members learn nothing more."""
    options = CommitOptions(public=public)
    world = World(2, policy=OPEN)
    world.commit("m0", [REINIT])
    lively = world["m0"].state
    world["m0"].state = replace(lively, status=Status.ACTIVE, reinit=None)
    for message in (
        world["m0"].propose_update(now=NOW, options=options),
        world.stage("m0", (), options).message,
    ):
        refused(world["m1"], message, StateError, "closed")
    world = World(3)
    messages = [world["m1"].propose_update(now=NOW, options=options), world.stage("m1", (), options).message]
    world["m1"].clear_pending_commit()
    world["m1"].set_aside_proposals()
    removal = world.stage("m0", [remove_proposal(2)]).message
    world["m2"].process(removal, now=NOW)
    for message in messages:
        refused(world["m2"], message, StateError, "not a member")


def test_a_reference_to_an_unknown_proposal() -> None:
    """Section 12.4: a commit can only refer to what has come."""
    world = World(3)
    message = world["m1"].propose_update(now=NOW)
    world["m0"].process(message, now=NOW)
    commit = world.stage("m0").message
    refused(world["m2"], commit, StateError, "refers to a proposal")
    world["m2"].process(message, now=NOW)
    world["m2"].process(commit, now=NOW)


def test_proposals_of_unknown_types() -> None:
    """Section 12.2: a type that we do not support is refused with all that comes with it."""
    world = World(2)

    class Odd(GroupContextExtensions):
        """A proposal of a GREASE type."""

        type = 0x0A0A  # type: ignore[assignment,misc]

    with lawless():
        message = world["m0"].propose(Odd((Extension(1, b""),)), now=NOW, options=CommitOptions(public=True))
    refused(world["m1"], message, MalformedError, "not supported")


def test_too_many_proposals_wait() -> None:
    """A member cannot fill our memory with proposals: the limit is refused, nothing is dropped."""
    world = World(2)
    sent = [world["m0"].propose_update(now=NOW) for _ in range(3)]
    with mock.patch("parlour_mls.group.process_message.MAX_PROPOSALS_KEPT", 2):
        for message in sent[:2]:
            world["m1"].process(message, now=NOW)
        refused(world["m1"], sent[2], PolicyError, "proposals wait for a commit")


def test_too_large_proposals_wait() -> None:
    """Nor with few large ones, which would be written down again after every message."""
    world = World(2)
    big = Extension(0xF0C0, bytes(1 << 20))
    proposal = GroupContextExtensions((big,))
    first = world["m0"].propose(proposal, now=NOW)
    with unchanged(world["m0"]), pytest.raises(PolicyError, match="bytes of proposals wait"):
        world["m0"].propose(proposal, now=NOW)
    with mock.patch("parlour_mls.group.process_message.MAX_PROPOSALS_SIZE", 1 << 30):
        second = world["m0"].propose(proposal, now=NOW)
    world["m1"].process(first, now=NOW)
    refused(world["m1"], second, PolicyError, "bytes of proposals wait")


def test_an_error_of_ours_is_the_only_kind_that_comes_out() -> None:
    """Odd arguments of the application are refused like odd messages."""
    world = World(2)
    actions: list[Callable[[], object]] = [
        lambda: remove_proposal(-1),
        lambda: remove_proposal(1 << 40),
        lambda: add_proposal(world["m0"].encrypt(b"no key package")),
        lambda: add_proposal(b""),
        lambda: world.device("x").join(world["m0"].encrypt(b"no welcome")),
    ]
    for action in actions:
        with pytest.raises(MlsError):
            action()


def test_an_update_from_outside() -> None:
    """Section 12.1.8: however it came into a list, an Update is of a member."""
    world = World(1)
    leaf = world["m0"].tree.leaf(0)
    assert leaf is not None
    for kind in (SenderType.EXTERNAL, SenderType.NEW_MEMBER_PROPOSAL):
        with pytest.raises(InvalidError, match="does not come from a member"):
            check_updates([QueuedProposal(Update(leaf), Sender(kind))], 0)
