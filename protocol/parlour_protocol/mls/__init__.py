"""Messaging Layer Security (RFC 9420), on PyNaCl: group encryption that heals.

Pure and synchronous: no I/O, no clock, no framework. Not audited by anybody: read README.md beside this
file for what it promises and what not. The rest of Parlour uses the names in `__all__` and nothing else.
"""

from .changes import add_proposal, remove_proposal
from .cipher_suites import CLASSIC, HYBRID, CipherSuite, suite_of
from .commit import CommitOptions, LeafChange
from .content import Sender
from .epoch import Member, Outcome
from .errors import (
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
from .events import ApplicationMessage, CommitApplied, Echo, Event, ProposalReceived
from .external import external_proposal, new_member_proposal
from .group import Group
from .group_extensions import ExternalSender
from .join import KeyPackageSecrets
from .key_store import KeyPackageStore
from .leaf import Capabilities, Credential, Extension, LeafNode, Lifetime
from .messages import GroupContext
from .policy import STRICT, Change, Policy
from .proposals import Add, GroupContextExtensions, Proposal, ReInit
from .psks import NO_PSKS, Psks
from .secret import Secret
from .secret_tree import RatchetLimits
from .state import Pending, Status
from .suite import SigningKey
from .usable_keys import unusable_leaves

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
