"""Attacks from outside: external commits and proposals (RFC 9420 sections 12.1.8, 12.2 and 12.4.3.2)."""

from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_world import GROUP_ID, NOW, Device, World, lawless, refused
from tests.mls.outsider import external_commit, external_proposal, new_member_proposal, propose

from parlour_mls import (
    AuthenticationError,
    Credential,
    Extension,
    ExternalSender,
    Group,
    GroupContextExtensions,
    InvalidError,
    MlsError,
    NotAuthorisedError,
    Policy,
    ProposalReceived,
    Psks,
    Secret,
    SigningKey,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import EXTERNAL_SENDERS, SenderType, WireFormat
from parlour_mls.epoch import frame_public_message, sign
from parlour_mls.messages import (
    AuthData,
    Commit,
    ExternalInit,
    ExternalPskId,
    FramedContent,
    PreSharedKey,
    Proposal,
    Sender,
    encode_message,
)
from parlour_mls.messages.group_extensions import encode_external_senders

OPEN = Policy(external_commits=True, external_proposals=True, new_member_proposals=True)


def knock(world: World, name: str, *proposals: Any) -> tuple[bytes, Group]:
    """Let someone in by an external commit."""
    return enter(world, name, world["m0"].group_info(), proposals)


def enter(world: World, name: str, info: bytes, proposals: Any = ()) -> tuple[bytes, Group]:
    """Let someone in by that group info."""
    return external_commit(info, world.device(name).secrets(), proposals, world.psks, OPEN, world.random)


def test_a_member_that_lost_its_state_comes_back() -> None:
    """Resync: an external commit that removes one's own old leaf (section 12.4.3.2)."""
    world = World(3, policy=OPEN)
    world.psks = Psks({b"k": Secret(b"key")})
    psk = PreSharedKey(ExternalPskId(b"k", bytes(32)))
    message, back = knock(world, "m2", remove_proposal(2), psk)
    del world.groups["m2"]
    for group in world.groups.values():
        group.process(message, now=NOW, psks=world.psks)
    world.groups["m2"] = back
    world.agree()


def test_an_external_commit_cannot_remove_someone_else() -> None:
    """ValSem243: the identity of the joiner is that of the leaf that it removes."""
    world = World(3, policy=OPEN)
    message, _ = knock(world, "stranger", remove_proposal(2))
    refused(world["m1"], message, NotAuthorisedError, "another identity")


def test_a_joiner_with_a_members_signature_key() -> None:
    """Section 7.3: without removing its old leaf a member cannot come twice."""
    world = World(3, policy=OPEN)
    message, _ = knock(world, "m2")
    refused(world["m1"], message, InvalidError, "signature key of another")


LISTS: dict[str, tuple[tuple[Proposal, ...], type[MlsError], str]] = {
    "two external inits": ((ExternalInit(bytes(32)),), InvalidError, "exactly one ExternalInit"),
    "two removes": ((remove_proposal(1), remove_proposal(2)), InvalidError, "more than one leaf"),
    "a blank remove": ((remove_proposal(3),), InvalidError, "blank leaf"),
    "a psk with a short nonce": ((PreSharedKey(ExternalPskId(b"k", b"")),), InvalidError, "nonce"),
}


@pytest.mark.parametrize("name", LISTS)
def test_bad_lists_of_external_commits(name: str) -> None:
    """ValSem240 to 242: what an external commit may hold."""
    proposals, error, why = LISTS[name]
    world = World(3, policy=OPEN)
    world.psks = Psks({b"k": Secret(b"key")})
    with lawless():
        message, _ = knock(world, "guest", *proposals)
    refused(world["m1"], message, error, why, psks=world.psks)


def test_an_external_commit_cannot_add() -> None:
    """ValSem242: only ExternalInit, Remove and PSKs."""
    world = World(2, policy=OPEN)
    add = add_proposal(world.device("friend").publish())
    with lawless():
        message, _ = knock(world, "guest", add)
    refused(world["m1"], message, NotAuthorisedError, "only members may make")


def _signed_external(world: World, edit: Any) -> bytes:
    """Make an external commit whose content is changed before it is signed."""
    own, info = world.device("guest").secrets(), world["m0"].group_info()
    return external_commit(info, own, (), world.psks, OPEN, world.random, edit=edit)[0]


def test_external_commits_without_init_or_path() -> None:
    """ValSem240, 245: exactly one ExternalInit, and a path."""

    def body(content: Any, **changes: Any) -> Any:
        return replace(content, body=replace(content.body, **changes))

    for edit, why in (
        (lambda c: body(c, proposals=()), "exactly one ExternalInit"),
        (lambda c: body(c, path=None), "no path"),
    ):
        world = World(2, policy=OPEN)
        refused(world["m1"], _signed_external(world, edit), InvalidError, why)


def test_an_external_commit_that_refers_to_a_proposal() -> None:
    """ValSem244: not even to one that everyone has."""
    world = World(2, policy=OPEN)
    world.deliver(world["m0"].propose_update(now=NOW), by="m0")
    (ref,) = world["m1"].proposals

    def referring(content: Any) -> Any:
        return replace(content, body=replace(content.body, proposals=(*content.body.proposals, ref)))

    refused(world["m1"], _signed_external(world, referring), InvalidError, "commit refers to a proposal")


def test_an_external_commit_signed_with_another_key() -> None:
    """ValSem246: the signature is of the leaf in the path."""
    world = World(2, policy=OPEN)
    own, info = world.device("guest").secrets(), world["m0"].group_info()
    stranger = SigningKey.generate(world.random)
    message, _ = external_commit(info, own, (), world.psks, OPEN, world.random, signer=stranger)
    refused(world["m1"], message, AuthenticationError, "signature of the message")


def test_an_external_joiner_sends_commits_only() -> None:
    """Section 6.1: a new_member_commit sender commits, a new_member_proposal sender adds itself."""
    world = World(2, policy=OPEN)
    context, signer = world["m0"].context, world.device("guest").signer
    for kind, why in (
        (SenderType.NEW_MEMBER_COMMIT, "something other than a commit"),
        (SenderType.NEW_MEMBER_PROPOSAL, "something other than its own Add"),
    ):
        message = propose(context, Sender(kind), signer, remove_proposal(1))
        refused(world["m1"], message, InvalidError, why)


def test_a_group_whose_extensions_the_joiner_lacks() -> None:
    """Section 13.4: who does not support an extension of the group cannot join it."""
    able = Policy(external_commits=True, extensions=frozenset({0xF0C0}))
    world = World(2, policy=able, extensions=(Extension(0xF0C0, b""),))
    world.devices["guest"] = Device("guest", world.random)
    message, _ = knock(world, "guest")
    refused(world["m1"], message, InvalidError, "does not support group extension")


def warden_world() -> tuple[World, SigningKey]:
    """Make a group with one external sender."""
    key = SigningKey.generate()
    senders = encode_external_senders([ExternalSender(key.public, Credential.basic(b"warden"))])
    return World(3, policy=OPEN, extensions=(Extension(EXTERNAL_SENDERS, senders),)), key


def test_an_external_sender_removes_by_proposal() -> None:
    """Its proposal waits and is committed by a member."""
    world, key = warden_world()
    message = external_proposal(world["m0"].context, 0, key, remove_proposal(2))
    for name in world.groups:
        assert isinstance(world[name].process(message, now=NOW), ProposalReceived)
    world.commit("m1")
    del world.groups["m2"]
    world.agree()


def test_external_senders_who_are_not_listed() -> None:
    """Section 12.1.8.1: index and key must be those of the extension."""
    world, key = warden_world()
    context, stranger = world["m0"].context, SigningKey.generate()
    message = external_proposal(context, 1, key, remove_proposal(2))
    refused(world["m1"], message, NotAuthorisedError, "not listed")
    message = external_proposal(context, 0, stranger, remove_proposal(2))
    refused(world["m1"], message, AuthenticationError, "signature")
    plain = World(3, policy=OPEN)
    message = external_proposal(plain["m0"].context, 0, key, remove_proposal(2))
    refused(plain["m1"], message, NotAuthorisedError, "not listed")


def test_an_external_sender_commits_nothing() -> None:
    """Section 6.1: it may only propose."""
    world, key = warden_world()
    body = Commit((remove_proposal(2),), None)
    content = FramedContent(GROUP_ID, world["m0"].epoch, Sender(SenderType.EXTERNAL), b"", body)
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, b"", key), bytes(32))
    message = encode_message(frame_public_message(content, auth, b"", None))
    refused(world["m1"], message, InvalidError, "something other than a proposal")


def test_someone_asks_to_be_added() -> None:
    """A new member proposes its own Add; a member commits it, and the Welcome works."""
    world = World(2, policy=OPEN)
    own = world.device("guest").secrets()
    world.deliver(new_member_proposal(world["m0"].context, own), by="")
    pending = world.commit("m1")
    world.groups["guest"] = world.devices["guest"].join(pending.welcome or b"")
    world.agree()
    stranger = replace(own, signer=SigningKey.generate(world.random))
    message = new_member_proposal(world["m0"].context, stranger)
    refused(world["m1"], message, AuthenticationError, "signature")


def test_an_unacceptable_external_sender() -> None:
    """Section 5.3.1: the list of external senders is checked when it is set."""

    def no_one(_: ExternalSender) -> None:
        raise NotAuthorisedError("no external senders here")

    world = World(2)
    world["m1"].policy = Policy(validate_external_sender=no_one)
    senders = encode_external_senders([ExternalSender(bytes(32), Credential.basic(b"w"))])
    message = world.stage("m0", [GroupContextExtensions((Extension(EXTERNAL_SENDERS, senders),))]).message
    refused(world["m1"], message, NotAuthorisedError, "no external senders")


def test_an_external_init_of_a_low_order_point() -> None:
    """An init secret known to everyone is refused (RFC 9180 section 7.1.4)."""
    world = World(2, policy=OPEN)

    def zero(content: Any) -> Any:
        rest = content.body.proposals[1:]
        return replace(content, body=replace(content.body, proposals=(ExternalInit(bytes(32)), *rest)))

    refused(world["m1"], _signed_external(world, zero), AuthenticationError, "low-order")
