"""The secret tree and its ratchets: one key for each message, deleted once used (RFC 9420 section 9).

Every operation gives a new tree and leaves the old one as it was: the caller keeps the new one only after the
message has passed its AEAD and its signature, so a forged message can never burn the key of the genuine one.
A tree holds nothing from which a used key could be derived again (section 9.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from parlour_mls.codec import Reader, u32, u64, vec, vec_of
from parlour_mls.crypto import HASH_SIZE, KEY_SIZE, NONCE_SIZE, expand_with_label
from parlour_mls.errors import MalformedError, OlderEpochError, PolicyError
from parlour_mls.tree import tree_math

MAX_GENERATION = 0xFFFF_FFFF
HANDSHAKE, APPLICATION = 0, 1


@dataclass(frozen=True, slots=True)
class RatchetLimits:
    """Limits on the work that a sender's generation number causes (section 15.3)."""

    steps: int = 1_000
    """How far one message may move a ratchet: `generation=0xffffffff` would cost billions of derivations."""
    kept: int = 256
    """How many skipped keys one ratchet keeps for late messages; the oldest go first."""


@dataclass(frozen=True, slots=True, repr=False)
class MessageKey:
    """The key and nonce of one generation."""

    generation: int
    key: bytes
    nonce: bytes

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        return u32(self.generation) + self.key + self.nonce

    @classmethod
    def read(cls, r: Reader) -> "MessageKey":
        """Read it back."""
        return cls(r.u32(), r.take(KEY_SIZE), r.take(NONCE_SIZE))


@dataclass(frozen=True, slots=True, repr=False)
class Ratchet:
    """One sender's chain for one kind of message: the next secret, and the keys that were skipped."""

    generation: int
    secret: bytes
    kept: Mapping[int, MessageKey]

    def step(self) -> "tuple[MessageKey, Ratchet]":
        """Give the key of the next generation and the ratchet after it (section 9.1)."""
        if self.generation >= MAX_GENERATION:
            raise PolicyError("this ratchet is used up: commit to start a new epoch")
        at = u32(self.generation)
        key = MessageKey(
            self.generation,
            expand_with_label(self.secret, "key", at, KEY_SIZE),
            expand_with_label(self.secret, "nonce", at, NONCE_SIZE),
        )
        after = expand_with_label(self.secret, "secret", at, HASH_SIZE)
        return key, Ratchet(self.generation + 1, after, self.kept)

    def reach(self, generation: int, limits: RatchetLimits) -> "tuple[MessageKey, Ratchet]":
        """Give the key of a received generation and the ratchet without it."""
        if generation < self.generation:
            return self._late(generation)
        if generation - self.generation > limits.steps:
            raise PolicyError(
                f"generation {generation} is more than {limits.steps} ahead of {self.generation}"
            )
        ratchet, kept = self, dict(self.kept)
        while ratchet.generation < generation:
            skipped, ratchet = ratchet.step()
            kept[skipped.generation] = skipped
        key, ratchet = ratchet.step()
        for oldest in sorted(kept)[: max(0, len(kept) - limits.kept)]:
            del kept[oldest]
        return key, replace(ratchet, kept=kept)

    def _late(self, generation: int) -> "tuple[MessageKey, Ratchet]":
        key = self.kept.get(generation)
        if key is None:
            raise OlderEpochError(
                f"the key of generation {generation} was used or dropped: a replay, or too late"
            )
        return key, replace(self, kept={g: k for g, k in self.kept.items() if g != generation})

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        return u32(self.generation) + self.secret + vec_of(self.kept[g].encode() for g in sorted(self.kept))

    @classmethod
    def read(cls, r: Reader) -> "Ratchet":
        """Read it back."""
        generation, secret = r.u32(), r.take(HASH_SIZE)
        return cls(generation, secret, {k.generation: k for k in r.many(MessageKey.read, MAX_GENERATION)})


def _start(secret: bytes, label: str) -> Ratchet:
    return Ratchet(0, expand_with_label(secret, label, b"", HASH_SIZE), {})


@dataclass(frozen=True, slots=True, repr=False)
class SecretTree:
    """Node secrets not yet used up, and the ratchets of the leaves that have started."""

    leaves: int
    nodes: Mapping[int, bytes]
    ratchets: Mapping[int, tuple[Ratchet, Ratchet]]

    @classmethod
    def start(cls, leaves: int, encryption_secret: bytes) -> "SecretTree":
        """Begin an epoch: the root's secret is the epoch's encryption secret."""
        return cls(leaves, {tree_math.root(leaves): encryption_secret}, {})

    def _opened(self, leaf: int) -> "SecretTree":
        """Derive a leaf's two ratchets and drop every node secret above them (section 9.2)."""
        if leaf in self.ratchets:
            return self
        if not 0 <= leaf < self.leaves:
            raise MalformedError(f"there is no leaf {leaf} in the secret tree")
        nodes = dict(self.nodes)
        path, node, top = [], 2 * leaf, tree_math.root(self.leaves)
        while node not in nodes:
            if node == top:
                raise OlderEpochError("the keys of this sender are gone")
            path.append(node)
            node = tree_math.parent(node)
        secret = nodes.pop(node)
        for below in reversed(path):
            left, right = tree_math.left(node), tree_math.right(node)
            nodes[left] = expand_with_label(secret, "tree", b"left", HASH_SIZE)
            nodes[right] = expand_with_label(secret, "tree", b"right", HASH_SIZE)
            secret, node = nodes.pop(below), below
        started = (_start(secret, "handshake"), _start(secret, "application"))
        return SecretTree(self.leaves, nodes, {**self.ratchets, leaf: started})

    def _with(self, leaf: int, kind: int, ratchet: Ratchet) -> "SecretTree":
        pair = self.ratchets[leaf]
        changed = (ratchet, pair[1]) if kind == HANDSHAKE else (pair[0], ratchet)
        return SecretTree(self.leaves, self.nodes, {**self.ratchets, leaf: changed})

    def next_key(self, leaf: int, kind: int) -> "tuple[MessageKey, SecretTree]":
        """Give the next key to send with, and the tree in which it is used up."""
        opened = self._opened(leaf)
        key, ratchet = opened.ratchets[leaf][kind].step()
        return key, opened._with(leaf, kind, ratchet)  # noqa: SLF001 - the same class

    def key_for(
        self, leaf: int, kind: int, generation: int, limits: RatchetLimits
    ) -> "tuple[MessageKey, SecretTree]":
        """Give the key of a received message, and the tree to keep if the message proves genuine."""
        opened = self._opened(leaf)
        key, ratchet = opened.ratchets[leaf][kind].reach(generation, limits)
        return key, opened._with(leaf, kind, ratchet)  # noqa: SLF001 - the same class

    def encode(self) -> bytes:
        """Write it, for the state blob."""
        nodes = vec_of(u64(node) + self.nodes[node] for node in sorted(self.nodes))
        ratchets = vec_of(
            u32(leaf) + vec(self.ratchets[leaf][0].encode()) + vec(self.ratchets[leaf][1].encode())
            for leaf in sorted(self.ratchets)
        )
        return u64(self.leaves) + nodes + ratchets

    @classmethod
    def read(cls, r: Reader) -> "SecretTree":
        """Read it back."""
        leaves = r.u64()
        nodes = dict(r.many(lambda n: (n.u64(), n.take(HASH_SIZE)), MAX_GENERATION))
        ratchets = dict(
            r.many(lambda n: (n.u32(), (Ratchet.read(n.sub()), Ratchet.read(n.sub()))), MAX_GENERATION)
        )
        return cls(leaves, nodes, ratchets)


def sender_data_key(secret: bytes, ciphertext: bytes) -> tuple[bytes, bytes]:
    """Key and nonce of the sender data, sampled from the message's ciphertext (section 6.3.2)."""
    sample = ciphertext[:HASH_SIZE]
    return (
        expand_with_label(secret, "key", sample, KEY_SIZE),
        expand_with_label(secret, "nonce", sample, NONCE_SIZE),
    )
