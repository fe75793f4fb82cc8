"""Attacks on who may send what into which group and epoch (RFC 9420 sections 6 and 12.1.8)."""

import dataclasses
from dataclasses import replace

import pytest
from tests.mls.mls_frames import clear, framed, private, public
from tests.mls.mls_world import GROUP_ID, NOW, World, refused

from parlour_mls import (
    AuthenticationError,
    CommitOptions,
    Group,
    InvalidError,
    MalformedError,
    MlsError,
    NotForThisGroupError,
    OtherCopyError,
    OwnMessageError,
    Policy,
    PolicyError,
    add_proposal,
    remove_proposal,
)
from parlour_mls.codec import SenderType, u32
from parlour_mls.crypto import SigningKey, aead_encrypt
from parlour_mls.epoch import frame_public_message
from parlour_mls.epoch.secret_tree import sender_data_key
from parlour_mls.messages import (
    ExternalInit,
    Sender,
    Update,
    encode_message,
    member,
)

PUBLIC = CommitOptions(public=True)


def test_another_group() -> None:
    """ValSem002: a message of another group is not for us."""
    world = World(2)
    message = private(world["m0"].encrypt(b"x"))
    other = encode_message(replace(message, group_id=b"elsewhere"))
    refused(world["m1"], other, NotForThisGroupError, "another group")
    proposal = clear(world["m0"], framed(world["m0"], remove_proposal(1), group_id=b"elsewhere"))
    refused(world["m1"], proposal, NotForThisGroupError, "another group")


@pytest.mark.parametrize("epoch", [0, 2, 1 << 63])
def test_another_epoch(epoch: int) -> None:
    """ValSem003: a handshake message of another epoch is refused in both wire formats."""
    world = World(2)
    proposal = clear(world["m0"], framed(world["m0"], remove_proposal(1), epoch=epoch))
    refused(world["m1"], proposal, MlsError, "epoch")
    message = private(world.stage("m0").message)
    refused(world["m1"], encode_message(replace(message, epoch=epoch)), MlsError, "epoch")


def test_a_blank_sender_in_clear() -> None:
    """ValSem004: the sender's leaf is not blank."""
    world = World(2)
    proposal = clear(world["m0"], framed(world["m0"], remove_proposal(1), sender=member(9)))
    refused(world["m1"], proposal, InvalidError, "blank")


@pytest.mark.parametrize("leaf", [2, 3, 0xFFFF_FFFF])
def test_a_blank_sender_in_private(leaf: int) -> None:
    """ValSem004: sender data that names no one is refused, inside of the tree and far outside."""
    world = World(3)
    world.commit("m0", [remove_proposal(2)])
    message = private(world["m0"].encrypt(b"x"))
    key, nonce = sender_data_key(world["m0"].state.epoch.secrets.sender_data.reveal(), message.ciphertext)
    aad = encode_message(message)[4 : 4 + 1 + len(GROUP_ID) + 8 + 1]
    sealed = aead_encrypt(key, nonce, aad, u32(leaf) + u32(0) + bytes(4))
    forged = encode_message(replace(message, encrypted_sender_data=sealed))
    refused(world["m1"], forged, InvalidError, "not a member")


@pytest.mark.parametrize("cut", [0, 31, 33])
def test_confirmation_tags(cut: int) -> None:
    """ValSem009, 205: an empty, short, long or wrong confirmation tag never passes."""
    world = World(2)
    message = public(world.stage("m0", (), PUBLIC).message)
    tag = (message.auth.confirmation_tag or b"") + b"\x00"
    epoch = world["m0"].state.epoch
    context, membership = epoch.context.encode(), epoch.secrets.membership
    for bad in (tag[:cut], bytes(32)):
        auth = replace(message.auth, confirmation_tag=bad)
        forged = encode_message(frame_public_message(message.content, auth, context, membership))
        refused(world["m1"], forged, AuthenticationError, "confirmation tag")


def test_own_handshake_messages_that_we_do_not_know() -> None:
    """A commit of our own that is not staged (a lost state, a clone) is never applied as a foreign one."""
    world = World(2)
    for options in (CommitOptions(), PUBLIC):
        clone = Group.restore(world["m0"].serialise())
        message = clone.commit(now=NOW, options=options).message
        refused(world["m0"], message, OtherCopyError, "our own|another copy")


def test_a_handshake_message_that_only_names_our_leaf_is_of_no_other_copy() -> None:
    """Each member has the keys that encrypt for each leaf: the signature tells, where it can be read."""
    world = World(2)
    for signer, unread in ((SigningKey.generate(), False), (None, True)):
        clone = Group.restore(world["m0"].serialise())
        if signer is not None:
            clone.state = clone.state.with_epoch(dataclasses.replace(clone.state.epoch, signer=signer))
        message = clone.commit(now=NOW, options=CommitOptions()).message
        if unread:
            world["m0"].commit(now=NOW, options=CommitOptions())  # the key is used up
        with pytest.raises(OwnMessageError) as error:
            world["m0"].process(message, now=NOW)
        assert type(error.value) is OwnMessageError


@pytest.mark.parametrize(
    "sender", [Sender(SenderType.EXTERNAL), Sender(SenderType.NEW_MEMBER_PROPOSAL)], ids=["external", "new"]
)
def test_senders_from_outside_are_refused_by_default(sender: Sender) -> None:
    """Nothing from outside is taken unless the policy says so."""
    world = World(2)
    message = clear(world["m0"], framed(world["m0"], remove_proposal(1), sender=sender))
    refused(world["m1"], message, PolicyError, "switched off")


def test_other_things_are_no_group_messages() -> None:
    """A Welcome, a group info and a key package are not processed by a group."""
    world = World(2)
    pending = world.stage("m0", [add_proposal(world.device("new").publish())])
    for message in (pending.welcome or b"", world["m1"].group_info(), world.device("x").publish()):
        refused(world["m1"], message, NotForThisGroupError, "not sent within a group")


def test_other_versions_and_trailing_bytes() -> None:
    """Another version, an unknown wire format, a cut and a lengthened message are malformed."""
    world = World(2)
    good = world["m0"].encrypt(b"x")
    for bad in (b"\x00\x02" + good[2:], b"\x00\x01\x00\x09" + good[4:], good[:-1], good + b"\x00", b""):
        refused(world["m1"], bad, MalformedError, "")


def test_an_external_sender_makes_only_what_it_may() -> None:
    """Update and ExternalInit from outside are malformed (section 12.1.8)."""
    world = World(2, policy=Policy(external_proposals=True))
    leaf = world["m0"].tree.leaf(0)
    assert leaf is not None
    for body in (ExternalInit(bytes(32)), Update(leaf)):
        sender = Sender(SenderType.EXTERNAL)
        message = clear(world["m0"], framed(world["m0"], body, sender=sender))
        refused(world["m1"], message, InvalidError, "only members may make")


def test_handshake_messages_in_clear_can_be_switched_off() -> None:
    """A client whose policy wants them encrypted takes no readable ones, not even from members."""
    world = World(2)
    message = world["m0"].propose_update(now=NOW, options=PUBLIC)
    world["m1"].policy = Policy(public_messages=False)
    refused(world["m1"], message, PolicyError, "unencrypted handshake messages are switched off")
    world["m1"].process(world.stage("m0").message, now=NOW)
