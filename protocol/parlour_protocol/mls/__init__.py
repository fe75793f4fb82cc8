"""Messaging Layer Security (RFC 9420), on PyNaCl: group encryption that heals.

Pure and synchronous: no I/O, no clock, no framework. Not audited by anybody: read README.md beside this
file for what it promises and what not. The rest of Parlour uses the names in `__all__` and nothing else.
"""

from parlour_protocol.mls.changes import add_proposal, remove_proposal
from parlour_protocol.mls.cipher_suites import CLASSIC, HYBRID, CipherSuite, suite_of
from parlour_protocol.mls.commit import CommitOptions, LeafChange
from parlour_protocol.mls.content import Sender
from parlour_protocol.mls.epoch import Member, Outcome
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
from parlour_protocol.mls.events import ApplicationMessage, CommitApplied, Echo, Event, ProposalReceived
from parlour_protocol.mls.external import external_proposal, new_member_proposal
from parlour_protocol.mls.group import Group
from parlour_protocol.mls.group_extensions import ExternalSender
from parlour_protocol.mls.join import KeyPackageSecrets
from parlour_protocol.mls.key_store import KeyPackageStore
from parlour_protocol.mls.leaf import Capabilities, Credential, Extension, LeafNode, Lifetime
from parlour_protocol.mls.messages import GroupContext
from parlour_protocol.mls.policy import STRICT, Change, Policy
from parlour_protocol.mls.proposals import Add, GroupContextExtensions, Proposal, ReInit
from parlour_protocol.mls.psks import NO_PSKS, Psks
from parlour_protocol.mls.secret import Secret
from parlour_protocol.mls.secret_tree import RatchetLimits
from parlour_protocol.mls.state import Pending, Status
from parlour_protocol.mls.suite import SigningKey
from parlour_protocol.mls.usable_keys import unusable_leaves

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
    "Pending",
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
    "external_proposal",
    "new_member_proposal",
    "remove_proposal",
    "suite_of",
    "unusable_leaves",
]
