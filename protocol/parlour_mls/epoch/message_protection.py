"""Protecting and opening messages (RFC 9420 section 6): signature, membership tag, encryption, padding.

Opening gives the content *and* the secret tree in which its key is used up; the caller keeps that tree only
when everything about the message has been accepted. Which epoch a message belongs to is decided by
`process_message`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from parlour_mls.codec import (
    ContentType,
    Reader,
    SenderType,
    WireFormat,
    decode,
    u8,
    u16,
    u32,
    u64,
    vec,
)
from parlour_mls.crypto import (
    PROTOCOL_VERSION,
    Random,
    Secret,
    SigningKey,
    aead_decrypt,
    aead_encrypt,
    check_mac,
    mac,
    system_random,
    verify,
)
from parlour_mls.epoch.secret_tree import (
    APPLICATION,
    HANDSHAKE,
    RatchetLimits,
    SecretTree,
    sender_data_key,
)
from parlour_mls.errors import InvalidError, MalformedError
from parlour_mls.messages import (
    AuthData,
    AuthenticatedContent,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    content_type,
    encode_body,
    member,
    read_body,
)

_GUARD = 4
_SIGNED_WITH_CONTEXT = {SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT}

PADDING_STEP = 256
PADDING_STEPS_UP_TO = 1_024


def padded_length(length: int) -> int:
    """Round a length up so that it tells little: 256-byte steps to 1 KiB, then Padme (at most 12 % more)."""
    if length <= PADDING_STEPS_UP_TO:
        return -(-length // PADDING_STEP) * PADDING_STEP
    exponent = length.bit_length() - 1
    low = exponent - exponent.bit_length()
    return (length + (1 << low) - 1) >> low << low


def to_be_signed(wire_format: WireFormat, content: FramedContent, context: bytes) -> bytes:
    """FramedContentTBS (section 6.1); members and external joiners bind their signature to the epoch."""
    bound = context if content.sender.type in _SIGNED_WITH_CONTEXT else b""
    return u16(PROTOCOL_VERSION) + u16(wire_format) + content.encode() + bound


def sign(wire_format: WireFormat, content: FramedContent, context: bytes, key: SigningKey) -> bytes:
    """Sign content for one wire format; moved to the other format it does not verify."""
    return key.sign("FramedContentTBS", to_be_signed(wire_format, content, context))


def check_signature(message: AuthenticatedContent, context: bytes, public: bytes) -> None:
    """Verify the signature of a message of any sender (section 6.1)."""
    signed = to_be_signed(message.wire_format, message.content, context)
    verify(public, "FramedContentTBS", signed, message.auth.signature, "message")


# --- public messages (section 6.2) ---


def frame_public_message(
    content: FramedContent, auth: AuthData, context: bytes, membership: Secret | None
) -> PublicMessage:
    """Frame a handshake message in clear; a member's carries a membership tag."""
    if content_type(content.body) is ContentType.APPLICATION:
        raise InvalidError("application data must be encrypted (section 6)")
    tag = None if membership is None else mac(membership, _to_be_tagged(content, auth, context))
    return PublicMessage(content, auth, tag)


def _to_be_tagged(content: FramedContent, auth: AuthData, context: bytes) -> bytes:
    return to_be_signed(WireFormat.PUBLIC_MESSAGE, content, context) + auth.encode()


def check_public_message(message: PublicMessage, context: bytes, membership: Secret) -> AuthenticatedContent:
    """Check what a public message claims about its sender; the signature is still to be verified."""
    if content_type(message.content.body) is ContentType.APPLICATION:
        raise InvalidError("application data was not encrypted (section 6)")
    if message.membership_tag is not None:
        tagged = _to_be_tagged(message.content, message.auth, context)
        check_mac(membership, tagged, message.membership_tag, "membership tag")
    return AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, message.content, message.auth)


# --- private messages (section 6.3) ---


@dataclass(frozen=True, slots=True)
class MessageKeys:
    """The keys of one epoch that protect private messages."""

    sender_data: Secret
    tree: SecretTree


def _kind(of: ContentType) -> int:
    return APPLICATION if of is ContentType.APPLICATION else HANDSHAKE


def _sender_data_aad(group_id: bytes, epoch: int, kind: ContentType) -> bytes:
    return vec(group_id) + u64(epoch) + u8(kind)


def _guarded(nonce: bytes, guard: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(nonce[:_GUARD], guard, strict=True)) + nonce[_GUARD:]


def encrypt_private_message(
    content: FramedContent,
    auth: AuthData,
    keys: MessageKeys,
    padding: Callable[[int], int] = padded_length,
    random: Random = system_random,
) -> tuple[PrivateMessage, SecretTree]:
    """Encrypt a member's message; the tree that comes back must be kept before the message leaves."""
    kind = content_type(content.body)
    key, tree = keys.tree.next_key(content.sender.index, _kind(kind))
    guard = random(_GUARD)
    plaintext = encode_body(content.body) + auth.encode()
    plaintext += bytes(max(0, padding(len(plaintext)) - len(plaintext)))
    sender_aad = _sender_data_aad(content.group_id, content.epoch, kind)
    aad = sender_aad + vec(content.authenticated_data)
    ciphertext = aead_encrypt(key.key, _guarded(key.nonce, guard), aad, plaintext)
    sender_key, sender_nonce = sender_data_key(keys.sender_data.reveal(), ciphertext)
    sender = aead_encrypt(
        sender_key, sender_nonce, sender_aad, u32(content.sender.index) + u32(key.generation) + guard
    )
    data = content.authenticated_data
    return PrivateMessage(content.group_id, content.epoch, kind, data, sender, ciphertext), tree


@dataclass(frozen=True, slots=True)
class SenderData:
    """The sender of a private message, and the key (section 6.3.2)."""

    leaf: int
    generation: int
    guard: bytes

    @classmethod
    def read(cls, r: Reader) -> "SenderData":
        """Read it."""
        return cls(r.u32(), r.u32(), r.take(_GUARD))


def decrypt_sender_data(
    message: PrivateMessage, secret: Secret, is_member: Callable[[int], bool]
) -> SenderData:
    """Find out who sent a private message; the leaf MUST NOT be blank (section 6.3.2)."""
    key, nonce = sender_data_key(secret.reveal(), message.ciphertext)
    aad = _sender_data_aad(message.group_id, message.epoch, message.content_type)
    plaintext = aead_decrypt(key, nonce, aad, message.encrypted_sender_data, "sender data")
    sender = decode(SenderData.read, plaintext)
    if not is_member(sender.leaf):
        raise InvalidError("the sender of a private message is not a member (section 6.3.2)")
    return sender


def decrypt_private_message(
    message: PrivateMessage, sender: SenderData, tree: SecretTree, limits: RatchetLimits
) -> tuple[AuthenticatedContent, SecretTree]:
    """Decrypt a message; its signature is still to be verified, and only then is the tree to be kept."""
    key, after = tree.key_for(sender.leaf, _kind(message.content_type), sender.generation, limits)
    aad = _sender_data_aad(message.group_id, message.epoch, message.content_type)
    aad += vec(message.authenticated_data)
    nonce = _guarded(key.nonce, sender.guard)
    reader = Reader(aead_decrypt(key.key, nonce, aad, message.ciphertext, "message"))
    body = read_body(reader, message.content_type)
    auth = AuthData.read(reader, message.content_type)
    if any(reader.take(reader.left())):
        raise MalformedError("the padding of a private message is not all zero (section 6.3.1)")
    content = FramedContent(
        message.group_id, message.epoch, member(sender.leaf), message.authenticated_data, body
    )
    return AuthenticatedContent(WireFormat.PRIVATE_MESSAGE, content, auth), after
