"""Messaging Layer Security (RFC 9420), on PyNaCl: group encryption that heals.

Pure and synchronous: no I/O, no clock, no framework. Not audited by anybody: read README.md beside this
file for what it promises and what not. The rest of Parlour uses the names in `__all__` and nothing else.
"""

from parlour_protocol.mls.crypto.cipher_suites import CLASSIC, HYBRID, CipherSuite, suite_of
from parlour_protocol.mls.crypto.primitives import SigningKey
from parlour_protocol.mls.crypto.secret_bytes import Secret
from parlour_protocol.mls.epoch.epoch import Member, Outcome
from parlour_protocol.mls.epoch.psks import NO_PSKS, Psks
from parlour_protocol.mls.epoch.secret_tree import RatchetLimits
from parlour_protocol.mls.errors import (
    AuthenticationError,
    InvalidError,
    MalformedError,
    MlsError,
    NewerEpochError,
    NotAuthorisedError,
    NotForThisGroupError,
    OlderEpochError,
    OtherCopyError,
    OwnMessageError,
    PolicyError,
    StateError,
    UnknownPskError,
    UnusableKeyError,
    WrongEpochError,
)
from parlour_protocol.mls.group.create_commit import CommitOptions, LeafChange
from parlour_protocol.mls.group.group import Group, add_proposal, remove_proposal
from parlour_protocol.mls.group.group_state import PendingCommit, Status
from parlour_protocol.mls.group.key_package_store import KeyPackageStore
from parlour_protocol.mls.group.process_welcome import KeyPackageSecrets
from parlour_protocol.mls.group.processed_message import (
    ApplicationMessage,
    CommitApplied,
    Echo,
    Event,
    ProposalReceived,
)
from parlour_protocol.mls.messages.framed_content import Sender
from parlour_protocol.mls.messages.group_extensions import ExternalSender
from parlour_protocol.mls.messages.leaf_node import Capabilities, Credential, Extension, LeafNode, Lifetime
from parlour_protocol.mls.messages.mls_message import GroupContext
from parlour_protocol.mls.messages.proposals import Add, GroupContextExtensions, Proposal, ReInit
from parlour_protocol.mls.validate.policy import STRICT, Change, Policy
from parlour_protocol.mls.validate.unusable_keys import unusable_leaves

__all__ = [
    "CLASSIC",
    "HYBRID",
    "NO_PSKS",
    "STRICT",
    "Add",
    "ApplicationMessage",
    "AuthenticationError",
    "Capabilities",
    "Change",
    "CipherSuite",
    "CommitApplied",
    "CommitOptions",
    "Credential",
    "Echo",
    "Event",
    "Extension",
    "ExternalSender",
    "Group",
    "GroupContext",
    "GroupContextExtensions",
    "InvalidError",
    "KeyPackageSecrets",
    "KeyPackageStore",
    "LeafChange",
    "LeafNode",
    "Lifetime",
    "MalformedError",
    "Member",
    "MlsError",
    "NewerEpochError",
    "NotAuthorisedError",
    "NotForThisGroupError",
    "OlderEpochError",
    "OtherCopyError",
    "Outcome",
    "OwnMessageError",
    "PendingCommit",
    "Policy",
    "PolicyError",
    "Proposal",
    "ProposalReceived",
    "Psks",
    "RatchetLimits",
    "ReInit",
    "Secret",
    "Sender",
    "SigningKey",
    "StateError",
    "Status",
    "UnknownPskError",
    "UnusableKeyError",
    "WrongEpochError",
    "add_proposal",
    "remove_proposal",
    "suite_of",
    "unusable_leaves",
]
