"""The results of processing a message.

Everything in these has been authenticated; the sender that they name is the one that MLS has verified,
whatever the payload says.
"""

from dataclasses import dataclass
from typing import TypeAlias

from parlour_mls.epoch import Member, Outcome
from parlour_mls.messages import Proposal, Sender


@dataclass(frozen=True, slots=True)
class ApplicationMessage:
    """A message for the application; `sender` is its author as of `epoch`."""

    sender: Member
    epoch: int
    generation: int
    data: bytes
    authenticated_data: bytes


@dataclass(frozen=True, slots=True)
class ProposalReceived:
    """A proposal was checked and kept for a commit."""

    ref: bytes
    sender: Sender
    proposal: Proposal
    authenticated_data: bytes


@dataclass(frozen=True, slots=True)
class CommitApplied:
    """The group is in a new epoch, or without us."""

    outcome: Outcome
    own: bool
    """Whether it was our own staged commit."""
    lost: bool
    """Whether a staged commit of ours lost the race and was dropped."""
    removed_us: bool
    reinit: bool
    """Whether the group is closed in favour of a new one."""
    authenticated_data: bytes


@dataclass(frozen=True, slots=True)
class Echo:
    """A handshake message of our own that has taken effect already; nothing has changed."""


Event: TypeAlias = ApplicationMessage | ProposalReceived | CommitApplied | Echo
