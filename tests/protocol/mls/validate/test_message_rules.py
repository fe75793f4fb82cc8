"""Attacks on framing, one for each MUST of RFC 9420 section 6: refused, and the state is what it was."""

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
from tests.protocol.mls.mls_world import GROUP_ID, NOW, World, refused, unchanged

from parlour_protocol.mls import (
    ApplicationMessage,
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
from parlour_protocol.mls.codec import ContentType, SenderType, WireFormat, u32
from parlour_protocol.mls.crypto import SigningKey, aead_encrypt, mac
from parlour_protocol.mls.epoch import encrypt_private_message, frame_public_message, sign
from parlour_protocol.mls.epoch.message_protection import MessageKeys
from parlour_protocol.mls.epoch.secret_tree import sender_data_key
from parlour_protocol.mls.messages import (
    AuthData,
    ExternalInit,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    Sender,
    Update,
    encode_message,
    member,
    read_message,
)

PUBLIC = CommitOptions(public=True)


def public(data: bytes) -> PublicMessage:
    """Read a public message."""
    message = read_message(data)
    assert isinstance(message, PublicMessage)
    return message


def private(data: bytes) -> PrivateMessage:
    """Read a private message."""
    message = read_message(data)
    assert isinstance(message, PrivateMessage)
    return message


def framed(group: Group, body: Any, **changes: Any) -> FramedContent:
    """Frame content as that member would, with some fields changed."""
    content = FramedContent(GROUP_ID, group.epoch, member(group.own_index), b"", body)
    return replace(content, **changes)


def clear(group: Group, content: FramedContent, tag: bytes | None = None) -> bytes:
    """Sign and frame content in clear, with a correct membership tag, whatever it says."""
    epoch = group.state.epoch
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), tag)
    is_member = content.sender.type is SenderType.MEMBER
    return encode_message(
        frame_public_message(content, auth, context, epoch.secrets.membership if is_member else None)
    )


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
    """ValSem004: sender data that names nobody is refused, inside of the tree and far outside."""
    world = World(3)
    world.commit("m0", [remove_proposal(2)])
    message = private(world["m0"].encrypt(b"x"))
    key, nonce = sender_data_key(world["m0"].state.epoch.secrets.sender_data.reveal(), message.ciphertext)
    aad = encode_message(message)[4 : 4 + 1 + len(GROUP_ID) + 8 + 1]
    sealed = aead_encrypt(key, nonce, aad, u32(leaf) + u32(0) + bytes(4))
    forged = encode_message(replace(message, encrypted_sender_data=sealed))
    refused(world["m1"], forged, InvalidError, "not a member")


def test_application_data_in_clear() -> None:
    """ValSem005: application data comes encrypted."""
    world = World(2)
    epoch = world["m0"].state.epoch
    content = framed(world["m0"], b"readable")
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), None)
    message = encode_message(PublicMessage(content, auth, bytes(32)))
    refused(world["m1"], message, InvalidError, "not encrypted")


def test_a_damaged_ciphertext_does_not_burn_the_key() -> None:
    """ValSem006: after any forgery the genuine message is still read (the sampled 32 bytes are genuine)."""
    world = World(2)
    genuine = world["m0"].encrypt(b"genuine")
    message = private(genuine)
    for place in (40, len(message.ciphertext) - 1):
        spoilt = bytearray(message.ciphertext)
        spoilt[place] ^= 1
        forged = encode_message(replace(message, ciphertext=bytes(spoilt)))
        refused(world["m1"], forged, AuthenticationError, "cannot be decrypted")
    event = world["m1"].process(genuine, now=NOW)
    assert isinstance(event, ApplicationMessage)


def test_a_forged_signature_does_not_burn_the_key() -> None:
    """ValSem010: who encrypts as another member is refused, and the other's message still comes."""
    world = World(3)
    genuine = world["m0"].encrypt(b"genuine")
    epoch = world["m2"].state.epoch
    content = framed(world["m0"], b"forged")
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PRIVATE_MESSAGE, content, context, epoch.signer), None)
    fresh = MessageKeys(epoch.secrets.sender_data, epoch.keys)
    forged, _ = encrypt_private_message(content, auth, fresh)
    refused(world["m1"], encode_message(forged), AuthenticationError, "signature")
    event = world["m1"].process(genuine, now=NOW)
    assert isinstance(event, ApplicationMessage)
    assert event.data == b"genuine"


@pytest.mark.parametrize("tag", [b"", bytes(31), bytes(32), None])
def test_membership_tags(tag: bytes | None) -> None:
    """ValSem007, 008: an empty, short, wrong or right-but-cut membership tag never passes."""
    world = World(2)
    message = public(world["m0"].propose_update(now=NOW, options=PUBLIC))
    whole = message.membership_tag or b""
    forged = encode_message(replace(message, membership_tag=whole[:31] if tag is None else tag))
    refused(world["m1"], forged, AuthenticationError, "membership tag")


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


def test_a_signature_does_not_move_to_the_other_wire_format() -> None:
    """The signature covers the wire format (section 6.1)."""
    world = World(2)
    epoch = world["m0"].state.epoch
    content = framed(world["m0"], remove_proposal(1))
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), None)
    message, _ = encrypt_private_message(content, auth, epoch.message_keys)
    refused(world["m1"], encode_message(message), AuthenticationError, "signature")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)])
def test_signatures_of_any_other_length(signature: bytes) -> None:
    """The length is checked first: libsodium reads 64 bytes whatever it gets."""
    world = World(2)
    content = framed(world["m0"], remove_proposal(1))
    epoch = world["m0"].state.epoch
    message = frame_public_message(
        content, AuthData(signature, None), epoch.context.encode(), epoch.secrets.membership
    )
    refused(world["m1"], encode_message(message), AuthenticationError, "signature")


def test_padding_that_is_not_zero() -> None:
    """ValSem011: padding is no covert channel (section 6.3.1)."""
    world = World(2)
    epoch = world["m0"].state.epoch
    content = framed(world["m0"], b"x")
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PRIVATE_MESSAGE, content, context, epoch.signer), None)
    real = auth.encode

    class Padded(AuthData):
        """Authentication data with something behind it."""

        def encode(self) -> bytes:
            """Write it."""
            return real() + b"\x00\x01"

    message, _ = encrypt_private_message(content, Padded(*dataclasses.astuple(auth)), epoch.message_keys)
    refused(world["m1"], encode_message(message), MalformedError, "padding")


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


def test_a_handshake_key_does_not_open_application_data() -> None:
    """The content type is authenticated: it chooses the ratchet and is in the AAD."""
    world = World(2)
    message = private(world["m0"].encrypt(b"x"))
    forged = encode_message(replace(message, content_type=ContentType.COMMIT))
    refused(world["m1"], forged, AuthenticationError, "cannot be decrypted")


def test_associated_data_is_authenticated() -> None:
    """Changed on the way, the message does not open."""
    world = World(2)
    message = private(world["m0"].encrypt(b"x", b"to ana"))
    forged = encode_message(replace(message, authenticated_data=b"to bob"))
    refused(world["m1"], forged, AuthenticationError, "cannot be decrypted")


def test_sending_application_data_in_clear_is_impossible() -> None:
    """The engine cannot be told to."""
    world = World(1)
    epoch = world["m0"].state.epoch
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="must be encrypted"):
        frame_public_message(framed(world["m0"], b"x"), AuthData(b"", None), b"", epoch.secrets.membership)


def test_a_membership_tag_needs_the_key_of_the_epoch() -> None:
    """A tag with another key, as somebody outside would have to make one, does not verify."""
    world, other = World(2), World(2, seed=1)
    content = framed(world["m0"], remove_proposal(1))
    epoch, context = world["m0"].state.epoch, world["m0"].context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), None)
    tagged = frame_public_message(content, auth, context, other["m0"].state.epoch.secrets.membership)
    assert tagged.membership_tag != mac(epoch.secrets.membership, b"")
    refused(world["m1"], encode_message(tagged), AuthenticationError, "membership tag")


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
