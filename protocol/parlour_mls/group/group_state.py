"""The whole state of a group at one member, and how it is written down.

Immutable: every operation makes a new one, so a refused input cannot have changed anything. The blob holds
keys in clear (the caller encrypts it at rest) and nothing that has been consumed. It is trusted when it is
read back whole, and damage is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from parlour_mls.codec import Reader, decode, optional, u8, u64, vec, vec_of
from parlour_mls.crypto import HASH_SIZE, KEY_SIZE, Secret, SigningKey, digest
from parlour_mls.epoch import Epoch, Outcome, PastEpoch, QueuedProposal
from parlour_mls.errors import MalformedError, StateError
from parlour_mls.group.process_commit import OwnUpdate
from parlour_mls.group.stored_format import unwrap, wrap
from parlour_mls.messages import ReInit
from parlour_mls.validate import Policy

_KIND = b"PARLOUR-MLS\x02"
_MANY = 1 << 20
_UNUSED = vec(b"")
"""Where earlier versions wrote what to try again of a commit that lost its race."""
MAX_PROPOSALS_KEPT = 1_024
"""Proposals kept for one commit."""
MAX_PROPOSALS_SIZE = 1 << 21
"""Bytes of all of them: they are in the state, which is written down after every message."""
MAX_ECHOES = 64
"""Hashes of our own handshake messages that are remembered."""


class Status(IntEnum):
    """The state of a group."""

    ACTIVE = 1
    REMOVED = 2
    """We are no longer a member: delete the state."""
    REINITIALISED = 3
    """Closed in favour of a new group (section 11.2): reads, but sends nothing."""


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A commit of ours that the delivery service has not answered yet, and the epoch that it leads into."""

    message: bytes
    welcome: bytes | None
    epoch: Epoch
    outcome: Outcome
    reinit: ReInit | None
    authenticated_data: bytes

    @property
    def ratchet_tree(self) -> bytes:
        """Give the tree after the commit, to hand to newcomers beside the Welcome (section 12.4.3.3)."""
        return self.epoch.tree.encode()

    def encode(self) -> bytes:
        """Write it."""
        return b"".join(
            (
                vec(self.message),
                optional(None if self.welcome is None else vec(self.welcome)),
                self.epoch.encode(),
                self.outcome.encode(),
                _UNUSED,
                optional(None if self.reinit is None else self.reinit.body()),
                vec(self.authenticated_data),
            )
        )

    @classmethod
    def read(cls, r: Reader) -> "PendingCommit":
        """Read it back."""
        message, welcome = r.vec(), r.optional(Reader.vec)
        epoch, outcome = Epoch.read(r), Outcome.read(r)
        r.vec()  # unused
        return cls(message, welcome, epoch, outcome, r.optional(ReInit.read), r.vec())


@dataclass(frozen=True, slots=True)
class State:
    """A group at one member."""

    epoch: Epoch
    status: Status
    reinit: ReInit | None
    proposals: Mapping[bytes, QueuedProposal]
    """Proposals of this epoch by reference, in the order in which they came."""
    set_aside: frozenset[bytes]
    """The proposals that we do not commit ourselves; someone else still may."""
    own_updates: Mapping[bytes, OwnUpdate]
    """Private sides of our proposed Updates, by public key."""
    pending: PendingCommit | None
    past: tuple[PastEpoch, ...]
    resumption: Mapping[int, Secret]
    echoes: tuple[bytes, ...]

    @classmethod
    def start(cls, epoch: Epoch) -> "State":
        """Begin as creator or newcomer."""
        resumption = {epoch.context.epoch: epoch.secrets.resumption}
        return cls(epoch, Status.ACTIVE, None, {}, frozenset(), {}, None, (), resumption, ())

    @property
    def waiting(self) -> dict[bytes, QueuedProposal]:
        """Give the proposals that wait for a commit of ours."""
        return {ref: item for ref, item in self.proposals.items() if ref not in self.set_aside}

    def require_member(self) -> None:
        """Refuse what only a member can do."""
        if self.status is Status.REMOVED:
            raise StateError("we are not a member of this group any more")

    def require_active(self) -> None:
        """Refuse what only a living group can do."""
        self.require_member()
        if self.status is Status.REINITIALISED:
            raise StateError("this group is closed: wait for the Welcome to the new one (section 12.4.2)")

    def with_epoch(self, epoch: Epoch) -> "State":
        """Give the state after a message: nothing but keys of its epoch moved (`replace` takes longer)."""
        return State(
            epoch,
            self.status,
            self.reinit,
            self.proposals,
            self.set_aside,
            self.own_updates,
            self.pending,
            self.past,
            self.resumption,
            self.echoes,
        )

    def remembering(self, message: bytes) -> "State":
        """Remember a handshake message of our own, so that its echo is known."""
        return replace(self, echoes=(digest(message), *self.echoes)[:MAX_ECHOES])

    def entered(self, epoch: Epoch, reinit: ReInit | None, policy: Policy) -> "State":
        """Go into a new epoch: what was for the old one is dropped, but for late messages."""
        number = epoch.context.epoch
        resumption = {**self.resumption, number: epoch.secrets.resumption}
        kept = sorted(resumption)[-max(1, policy.resumption_epochs) :]
        return replace(
            self,
            epoch=epoch,
            status=Status.ACTIVE if reinit is None else Status.REINITIALISED,
            reinit=reinit,
            proposals={},
            set_aside=frozenset(),
            own_updates={},
            pending=None,
            past=(self.epoch.past(), *self.past)[: policy.past_epochs],
            resumption={n: resumption[n] for n in kept},
        )

    def removed(self, policy: Policy) -> "State":
        """Leave: keys of the epoch go, but for late messages (section 12.4.2)."""
        scrubbed = self.epoch.scrubbed()
        past = (self.epoch.past(), *self.past)[: policy.past_epochs]
        after = State.start(scrubbed)
        return replace(after, status=Status.REMOVED, past=past, resumption={}, echoes=self.echoes)

    def encode(self) -> bytes:
        """Write the blob to keep."""
        return wrap(_KIND, self.body())

    def body(self) -> bytes:
        """Write everything in the blob's frame."""
        updates = vec_of(
            vec(key) + self.own_updates[key].private.reveal() + self.own_updates[key].signer.seed.reveal()
            for key in sorted(self.own_updates)
        )
        return b"".join(
            (
                self.epoch.encode(),
                u8(self.status),
                optional(None if self.reinit is None else self.reinit.body()),
                vec_of(vec(ref) + item.encode() for ref, item in self.proposals.items()),
                vec_of(sorted(self.set_aside)),
                updates,
                optional(None if self.pending is None else self.pending.encode()),
                _UNUSED,
                vec_of(p.encode() for p in self.past),
                vec_of(u64(n) + self.resumption[n].reveal() for n in sorted(self.resumption)),
                vec_of(self.echoes),
            )
        )

    @classmethod
    def read(cls, r: Reader) -> "State":
        """Read back what is in the frame."""
        epoch, status, reinit = Epoch.read(r), _read_status(r), r.optional(ReInit.read)
        proposals = dict(r.many(lambda n: (n.vec(), QueuedProposal.read(n)), _MANY))
        set_aside = frozenset(r.many(lambda n: n.take(HASH_SIZE), _MANY))
        own_updates, pending = dict(r.many(_read_update, _MANY)), r.optional(PendingCommit.read)
        r.vec()  # unused
        return cls(
            epoch,
            status,
            reinit,
            proposals,
            set_aside,
            own_updates,
            pending,
            r.many(PastEpoch.read, _MANY),
            dict(r.many(lambda n: (n.u64(), Secret(n.take(HASH_SIZE))), _MANY)),
            r.many(lambda n: n.take(HASH_SIZE), MAX_ECHOES),
        )

    @classmethod
    def decode(cls, blob: bytes) -> "State":
        """Read a whole blob."""
        return decode(cls.read, unwrap(_KIND, blob, "the state of a group"))


def _read_status(r: Reader) -> Status:
    value = r.u8()
    if value not in list(Status):
        raise MalformedError("the state of a group is damaged")
    return Status(value)


def _read_update(r: Reader) -> tuple[bytes, OwnUpdate]:
    key, private = r.vec(), Secret(r.take(KEY_SIZE))
    return key, OwnUpdate(private, SigningKey(Secret(r.take(KEY_SIZE))))
