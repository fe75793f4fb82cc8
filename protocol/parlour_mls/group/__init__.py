"""From epoch to epoch: the group as one member knows it (RFC 9420 sections 11 and 12)."""

from parlour_mls.group.create_commit import CommitOptions, LeafChange
from parlour_mls.group.group import Group, add_proposal, remove_proposal
from parlour_mls.group.group_state import PendingCommit, Status
from parlour_mls.group.key_package_store import KeyPackageStore
from parlour_mls.group.process_welcome import KeyPackageSecrets
from parlour_mls.group.processed_message import (
    ApplicationMessage,
    CommitApplied,
    Echo,
    Event,
    ProposalReceived,
)

__all__ = [
    "ApplicationMessage",
    "CommitApplied",
    "CommitOptions",
    "Echo",
    "Event",
    "Group",
    "KeyPackageSecrets",
    "KeyPackageStore",
    "LeafChange",
    "PendingCommit",
    "ProposalReceived",
    "Status",
    "add_proposal",
    "remove_proposal",
]
