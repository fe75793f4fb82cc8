"""The policy of a client, and the hooks for an application's permissions.

The defaults are the strict ones: no external commits or proposals, no ReInit, short windows. The hooks raise
an `MlsError` to refuse; they see every leaf before it enters the tree and every change before it takes
effect, including our own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from parlour_mls.codec import BASIC_CREDENTIAL, X25519_SUITE
from parlour_mls.epoch import RatchetLimits, padded_length
from parlour_mls.errors import NotAuthorisedError, PolicyError
from parlour_mls.messages import (
    Credential,
    Extensions,
    ExternalSender,
    LeafNode,
    PskId,
    ReInit,
    Sender,
)

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Change:
    """The changes of a commit, for `Policy.authorise`.

    It is called twice: when a proposal arrives, so that one that is not allowed never waits (its proposer
    is then the committer), and for the whole list of a commit.
    """

    committer: Sender
    added: tuple[tuple[Sender, LeafNode], ...]
    """The proposer, and the new leaf."""
    updated: tuple[tuple[int, LeafNode], ...]
    removed: tuple[tuple[Sender, int, LeafNode], ...]
    """The proposer, the leaf's index, and the leaf."""
    psks: tuple[PskId, ...]
    extensions: tuple[Sender, Extensions] | None
    reinit: ReInit | None
    authenticated_data: bytes
    """The application's data beside it: signed by the committer, readable by the delivery service only in
    public messages."""
    members: tuple[tuple[int, LeafNode], ...]
    """The leaves of the group before it, with their indices."""
    unusable: frozenset[int] = frozenset()
    """Leaves in `removed` with a key that no one can encrypt to: any member may remove them, and must."""


def basic_credentials_only(leaf: LeafNode) -> None:
    """Accept any basic credential; an application checks identity and key instead (section 5.3.1)."""
    _check_basic(leaf.credential)


def basic_senders_only(sender: ExternalSender) -> None:
    """Accept any external sender with a basic credential."""
    _check_basic(sender.credential)


def _check_basic(credential: Credential) -> None:
    if credential.type != BASIC_CREDENTIAL:
        raise PolicyError(f"credentials of type {credential.type} are not supported by this client")


def same_credential(old: LeafNode, new: LeafNode) -> None:
    """Refuse a leaf that changes its owner's identity, by Update, commit or resync (section 5.3.1)."""
    if old.credential != new.credential:
        raise NotAuthorisedError("a member's new leaf has another identity than its old one")


def everyone_may(_change: Change) -> None:
    """Allow every member everything that RFC 9420 allows."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one client for one group; not part of the group's state."""

    ratchets: RatchetLimits = field(default_factory=RatchetLimits)
    past_epochs: int = 2
    """Epochs whose late messages can still be read."""
    resumption_epochs: int = 8
    """Epochs whose resumption secret is kept (section 8.6 asks for a limit)."""
    max_lifetime: int | None = 90 * DAY
    """Seconds: key packages that claim to live longer are refused (section 7.2 asks for a limit)."""
    max_leaves: int = 4_096
    """Leaves, blank ones included, of the largest group that is joined: a blank costs its sender one byte and
    the newcomer two hashes."""
    clock_skew: int = 3_600
    """Seconds that clocks may differ."""
    public_messages: bool = True
    """Whether members may send handshake messages that the delivery service can read (section 6)."""
    external_commits: bool = False
    external_proposals: bool = False
    new_member_proposals: bool = False
    reinit: bool = False
    cipher_suites: tuple[int, ...] = (X25519_SUITE,)
    """Listed in the capabilities of our new leaves."""
    extensions: frozenset[int] = frozenset()
    """Non-default extension types that this client understands: listed in its capabilities."""
    padding: Callable[[int], int] = padded_length
    """Gives the padded length of a content of some length."""
    validate_credential: Callable[[LeafNode], None] = basic_credentials_only
    validate_successor: Callable[[LeafNode, LeafNode], None] = same_credential
    validate_external_sender: Callable[[ExternalSender], None] = basic_senders_only
    authorise: Callable[[Change], None] = everyone_may


STRICT = Policy()
