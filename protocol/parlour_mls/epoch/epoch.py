"""A member's state in one epoch, and the part that it keeps of past epochs.

Both are immutable; a commit gives a new `Epoch`. A past epoch keeps a snapshot of who its members were,
because the leaf of someone who has left may belong to another by the time that a late message comes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from parlour_mls.codec import Reader, SenderType, u8, u32, u64, vec, vec_of
from parlour_mls.crypto import HASH_SIZE, KEY_SIZE, Secret, SigningKey
from parlour_mls.epoch.key_schedule import EpochSecrets
from parlour_mls.epoch.message_protection import MessageKeys
from parlour_mls.epoch.secret_tree import SecretTree
from parlour_mls.errors import StateError
from parlour_mls.messages import (
    Credential,
    GroupContext,
    LeafNode,
    Proposal,
    Sender,
    encode_proposal,
    read_proposal,
)
from parlour_mls.tree import MAX_LEAVES, RatchetTree


@dataclass(frozen=True, slots=True)
class Member:
    """A member as others see it."""

    index: int
    signature_key: bytes
    credential: Credential

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        return u32(self.index) + vec(self.signature_key) + self.credential.encode()

    @classmethod
    def read(cls, r: Reader) -> "Member":
        """Read it back."""
        return cls(r.u32(), r.vec(), Credential.read(r))


@dataclass(frozen=True, slots=True)
class Epoch:
    """Everything of the current epoch."""

    context: GroupContext
    tree: RatchetTree
    secrets: EpochSecrets
    keys: SecretTree
    interim_hash: bytes
    own_leaf: int
    privates: Mapping[int, Secret]
    """Private keys of our leaf and of nodes above it, by node index."""
    signer: SigningKey
    # What is before and after the keys of messages in the blob: it is written after every message, and
    # stays as it is for all of an epoch. Never copied by `replace`, only by `with_keys`.
    _around: tuple[bytes, bytes] | None = field(init=False, repr=False, compare=False, default=None)

    def with_keys(self, keys: SecretTree) -> "Epoch":
        """Give the epoch after a message: its keys have moved on."""
        after = Epoch(
            self.context,
            self.tree,
            self.secrets,
            keys,
            self.interim_hash,
            self.own_leaf,
            self.privates,
            self.signer,
        )
        object.__setattr__(after, "_around", self._around)
        return after

    @property
    def message_keys(self) -> MessageKeys:
        """The keys that protect private messages."""
        return MessageKeys(self.secrets.sender_data, self.keys)

    def own_node(self) -> LeafNode:
        """Give our own leaf."""
        leaf = self.tree.leaf(self.own_leaf)
        if leaf is None:
            raise StateError("our own leaf is blank")
        return leaf

    def member(self, index: int) -> Member | None:
        """Return the member at a leaf."""
        leaf = self.tree.leaf(index)
        return None if leaf is None else Member(index, leaf.signature_key, leaf.credential)

    def members(self) -> tuple[Member, ...]:
        """Return the members of the group."""
        return tuple(Member(i, leaf.signature_key, leaf.credential) for i, leaf in self.tree.members())

    def past(self) -> "PastEpoch":
        """Keep what late messages need, and nothing else."""
        context, roster = self.context.encode(), {m.index: m for m in self.members()}
        return PastEpoch(
            self.context.epoch, context, self.secrets.sender_data, self.keys, self.own_leaf, roster
        )

    def scrubbed(self) -> "Epoch":
        """Delete all keys, as a removed member must; the group's id stays."""
        zero = Secret(bytes(HASH_SIZE))
        secrets = EpochSecrets(*(zero for _ in fields(EpochSecrets)))
        empty = SecretTree(self.tree.size, {}, {})
        return replace(self, secrets=secrets, keys=empty, privates={}, signer=SigningKey(zero))

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        around = self._around
        if around is None:
            around = self._encode_around()
            object.__setattr__(self, "_around", around)
        return around[0] + self.keys.encode() + around[1]

    def _encode_around(self) -> tuple[bytes, bytes]:
        privates = vec_of(u64(node) + self.privates[node].reveal() for node in sorted(self.privates))
        return (
            self.context.encode() + self.tree.encode() + self.secrets.encode(),
            b"".join((vec(self.interim_hash), u32(self.own_leaf), privates, self.signer.seed.reveal())),
        )

    @classmethod
    def read(cls, r: Reader) -> "Epoch":
        """Read it back."""
        return cls(
            GroupContext.read(r),
            RatchetTree.read(r),
            EpochSecrets.read(r),
            SecretTree.read(r),
            r.vec(),
            r.u32(),
            dict(r.many(lambda n: (n.u64(), Secret(n.take(KEY_SIZE))), MAX_LEAVES)),
            SigningKey(Secret(r.take(KEY_SIZE))),
        )


@dataclass(frozen=True, slots=True)
class PastEpoch:
    """A past epoch: enough to read late application messages."""

    number: int
    context: bytes
    sender_data: Secret
    keys: SecretTree
    own_leaf: int
    roster: Mapping[int, Member]
    # Late messages are few: as a rule it is written as it was. Never copied by `replace`.
    _encoded: bytes = field(init=False, repr=False, compare=False, default=b"")

    def with_keys(self, keys: SecretTree) -> "PastEpoch":
        """Give the epoch after a late message."""
        return replace(self, keys=keys)

    def member(self, index: int) -> Member | None:
        """Return the member who was at a leaf then."""
        return self.roster.get(index)

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        if not self._encoded:
            object.__setattr__(self, "_encoded", self._encode())
        return self._encoded

    def _encode(self) -> bytes:
        head = u64(self.number) + vec(self.context) + self.sender_data.reveal() + self.keys.encode()
        return head + u32(self.own_leaf) + vec_of(self.roster[i].encode() for i in sorted(self.roster))

    @classmethod
    def read(cls, r: Reader) -> "PastEpoch":
        """Read it back."""
        number, context, sender_data = r.u64(), r.vec(), Secret(r.take(HASH_SIZE))
        keys, own_leaf = SecretTree.read(r), r.u32()
        roster = {m.index: m for m in r.many(Member.read, MAX_LEAVES)}
        return cls(number, context, sender_data, keys, own_leaf, roster)


@dataclass(frozen=True, slots=True)
class QueuedProposal:
    """A proposal and who made it."""

    proposal: Proposal
    sender: Sender

    @property
    def by_member(self) -> int | None:
        """Leaf of the member who made it; None when it came from outside."""
        return self.sender.index if self.sender.type is SenderType.MEMBER else None

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        return self.sender.encode() + encode_proposal(self.proposal)

    @classmethod
    def read(cls, r: Reader) -> "QueuedProposal":
        """Read it back."""
        sender = Sender.read(r)
        return cls(read_proposal(r), sender)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The effects of a commit."""

    epoch: int
    """Number of the epoch that it began."""
    committer: int | None
    """Leaf of the committer; for an external commit that of the newcomer."""
    external: bool
    added: tuple[int, ...]
    updated: tuple[int, ...]
    removed: tuple[Member, ...]

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        committer = b"\x00" if self.committer is None else b"\x01" + u32(self.committer)
        lists = vec_of(map(u32, self.added)) + vec_of(map(u32, self.updated))
        removed = vec_of(m.encode() for m in self.removed)
        return u64(self.epoch) + committer + u8(self.external) + lists + removed

    @classmethod
    def read(cls, r: Reader) -> "Outcome":
        """Read it back."""
        epoch, committer, external = r.u64(), r.optional(Reader.u32), bool(r.u8())
        return cls(epoch, committer, external, r.u32s(), r.u32s(), r.many(Member.read, MAX_LEAVES))
