"""Attacks on signatures, tags, encryption and padding of messages (RFC 9420 section 6)."""

import dataclasses
from dataclasses import replace

import pytest
from tests.mls.mls_frames import framed, private, public
from tests.mls.mls_world import NOW, World, refused, unchanged

from parlour_mls import (
    ApplicationMessage,
    AuthenticationError,
    CommitOptions,
    InvalidError,
    MalformedError,
    remove_proposal,
)
from parlour_mls.codec import ContentType, WireFormat
from parlour_mls.crypto import mac
from parlour_mls.epoch import encrypt_private_message, frame_public_message, sign
from parlour_mls.epoch.message_protection import MessageKeys
from parlour_mls.messages import (
    AuthData,
    PublicMessage,
    encode_message,
)

PUBLIC = CommitOptions(public=True)


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
    """ValSem011: padding must be zero (section 6.3.1)."""
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
    """The engine refuses to."""
    world = World(1)
    epoch = world["m0"].state.epoch
    with unchanged(world["m0"]), pytest.raises(InvalidError, match="must be encrypted"):
        frame_public_message(framed(world["m0"], b"x"), AuthData(b"", None), b"", epoch.secrets.membership)


def test_a_membership_tag_needs_the_key_of_the_epoch() -> None:
    """A tag with another key, as someone outside would have to make one, does not verify."""
    world, other = World(2), World(2, seed=1)
    content = framed(world["m0"], remove_proposal(1))
    epoch, context = world["m0"].state.epoch, world["m0"].context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), None)
    tagged = frame_public_message(content, auth, context, other["m0"].state.epoch.secrets.membership)
    assert tagged.membership_tag != mac(epoch.secrets.membership, b"")
    refused(world["m1"], encode_message(tagged), AuthenticationError, "membership tag")
