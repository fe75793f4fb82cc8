"""MLSMessage and its five contents (RFC 9420 sections 6 and 12.4.3).

All outputs of the engine are framed as MLSMessage; `read_message` reads all input, and refuses other
versions, unknown formats and trailing bytes.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from parlour_mls.codec import (
    ContentType,
    Reader,
    SenderType,
    WireFormat,
    decode,
    optional,
    u8,
    u16,
    u32,
    u64,
    vec,
    vec_of,
)
from parlour_mls.crypto import (
    HASH_SIZE,
    PROTOCOL_VERSION,
    CipherSuite,
    HpkeCiphertext,
    Secret,
    SigningKey,
    suite_of,
    verify,
)
from parlour_mls.errors import MalformedError
from parlour_mls.messages.framed_content import (
    AuthData,
    FramedContent,
    content_type,
    read_ciphertext,
    read_content_type,
    read_wire_format,
)
from parlour_mls.messages.key_package import KeyPackage
from parlour_mls.messages.leaf_node import Extensions, encode_extensions, read_extensions
from parlour_mls.messages.proposals import PskId, read_psk_id

MAX_NEW_MEMBERS = 4_096
"""Entries in one Welcome."""
MAX_PSKS = 1_024
"""Pre-shared keys in one epoch."""


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """Signed, and tagged by members, but readable (section 6.2)."""

    content: FramedContent
    auth: AuthData
    membership_tag: bytes | None

    def encode(self) -> bytes:
        """Write it."""
        tag = b"" if self.membership_tag is None else vec(self.membership_tag)
        return self.content.encode() + self.auth.encode() + tag

    @classmethod
    def read(cls, r: Reader) -> "PublicMessage":
        """Read it; only members have a membership tag."""
        content = FramedContent.read(r)
        auth = AuthData.read(r, content_type(content.body))
        return cls(content, auth, r.vec() if content.sender.type is SenderType.MEMBER else None)


@dataclass(frozen=True, slots=True)
class PrivateMessage:
    """Signed and encrypted (section 6.3)."""

    group_id: bytes
    epoch: int
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes

    def encode(self) -> bytes:
        """Write it."""
        head = vec(self.group_id) + u64(self.epoch) + u8(self.content_type) + vec(self.authenticated_data)
        return head + vec(self.encrypted_sender_data) + vec(self.ciphertext)

    @classmethod
    def read(cls, r: Reader) -> "PrivateMessage":
        """Read it."""
        return cls(r.vec(), r.u64(), read_content_type(r), r.vec(), r.vec(), r.vec())


@dataclass(frozen=True, slots=True)
class GroupContext:
    """The state that all members agree on (section 8.1)."""

    group_id: bytes
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: Extensions
    version: int = PROTOCOL_VERSION
    cipher_suite: int = field(kw_only=True)

    @property
    def suite(self) -> CipherSuite:
        """The group's cipher suite. Raises NotForThisGroupError when this client does not know it."""
        return suite_of(self.cipher_suite)

    def encode(self) -> bytes:
        """Write it."""
        head = u16(self.version) + u16(self.cipher_suite) + vec(self.group_id) + u64(self.epoch)
        hashes = vec(self.tree_hash) + vec(self.confirmed_transcript_hash)
        return head + hashes + encode_extensions(self.extensions)

    @classmethod
    def read(cls, r: Reader) -> "GroupContext":
        """Read it."""
        version, suite = r.u16(), r.u16()
        group_id, epoch, tree, confirmed = r.vec(), r.u64(), r.vec(), r.vec()
        return cls(group_id, epoch, tree, confirmed, read_extensions(r), version, cipher_suite=suite)


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A signed snapshot of a group for those who join (section 12.4.3)."""

    context: GroupContext
    extensions: Extensions
    confirmation_tag: bytes
    signer: int
    signature: bytes = b""

    def body(self) -> bytes:
        """Write everything above the signature."""
        tag = vec(self.confirmation_tag)
        return self.context.encode() + encode_extensions(self.extensions) + tag + u32(self.signer)

    def encode(self) -> bytes:
        """Write it."""
        return self.body() + vec(self.signature)

    def signed(self, key: SigningKey) -> "GroupInfo":
        """Sign it."""
        signature = key.sign("GroupInfoTBS", self.body())
        return GroupInfo(self.context, self.extensions, self.confirmation_tag, self.signer, signature)

    def check_signature(self, public: bytes) -> None:
        """Verify it against the key of the leaf `signer`."""
        verify(public, "GroupInfoTBS", self.body(), self.signature, "group info")

    @classmethod
    def read(cls, r: Reader) -> "GroupInfo":
        """Read it."""
        return cls(GroupContext.read(r), read_extensions(r), r.vec(), r.u32(), r.vec())


@dataclass(frozen=True, slots=True)
class GroupSecrets:
    """The part of a Welcome for one new member (section 12.4.3.1)."""

    joiner_secret: Secret
    path_secret: Secret | None
    psks: tuple[PskId, ...]

    def encode(self) -> bytes:
        """Write it."""
        path = None if self.path_secret is None else vec(self.path_secret.reveal())
        return vec(self.joiner_secret.reveal()) + optional(path) + vec_of(p.encode() for p in self.psks)

    @classmethod
    def read(cls, r: Reader) -> "GroupSecrets":
        """Read it."""
        joiner = Secret(r.exactly(HASH_SIZE, "a joiner secret"))
        path = r.optional(lambda o: Secret(o.exactly(HASH_SIZE, "a path secret")))
        return cls(joiner, path, r.many(read_psk_id, MAX_PSKS))


@dataclass(frozen=True, slots=True)
class EncryptedGroupSecrets:
    """Group secrets for the owner of one key package."""

    new_member: bytes
    secrets: HpkeCiphertext

    def encode(self) -> bytes:
        """Write it."""
        return vec(self.new_member) + self.secrets.encode()

    @classmethod
    def read(cls, r: Reader) -> "EncryptedGroupSecrets":
        """Read it."""
        return cls(r.exactly(HASH_SIZE, "a key package reference"), read_ciphertext(r))


@dataclass(frozen=True, slots=True)
class Welcome:
    """An invitation to one or many new members (section 12.4.3.1)."""

    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes
    cipher_suite: int = field(kw_only=True)

    def encode(self) -> bytes:
        """Write it."""
        secrets = vec_of(s.encode() for s in self.secrets)
        return u16(self.cipher_suite) + secrets + vec(self.encrypted_group_info)

    @classmethod
    def read(cls, r: Reader) -> "Welcome":
        """Read it."""
        suite = r.u16()
        return cls(r.many(EncryptedGroupSecrets.read, MAX_NEW_MEMBERS), r.vec(), cipher_suite=suite)


Message: TypeAlias = PublicMessage | PrivateMessage | Welcome | GroupInfo | KeyPackage

_FORMATS = {
    PublicMessage: WireFormat.PUBLIC_MESSAGE,
    PrivateMessage: WireFormat.PRIVATE_MESSAGE,
    Welcome: WireFormat.WELCOME,
    GroupInfo: WireFormat.GROUP_INFO,
    KeyPackage: WireFormat.KEY_PACKAGE,
}


def encode_message(message: Message) -> bytes:
    """Write it as an MLSMessage."""
    return u16(PROTOCOL_VERSION) + u16(_FORMATS[type(message)]) + message.encode()


def _read(r: Reader) -> Message:
    version = r.u16()
    if version != PROTOCOL_VERSION:
        raise MalformedError(f"MLS version {version} is not supported by this client, only mls10")
    match read_wire_format(r):
        case WireFormat.PUBLIC_MESSAGE:
            return PublicMessage.read(r)
        case WireFormat.PRIVATE_MESSAGE:
            return PrivateMessage.read(r)
        case WireFormat.WELCOME:
            return Welcome.read(r)
        case WireFormat.GROUP_INFO:
            return GroupInfo.read(r)
        case WireFormat.KEY_PACKAGE:
            package = KeyPackage.read(r)
            if package.version != version:  # section 10
                raise MalformedError("a key package has another version than its message")
            return package


def read_message(data: bytes) -> Message:
    """Read an MLSMessage that fills `data` to its last byte."""
    return decode(_read, data)
