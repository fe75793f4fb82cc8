"""Checks a message's sender, group and epoch (RFC 9420 sections 6 and 12.1.8).

One function for each rule; each raises. They run before anything in the message is acted on.
"""

from parlour_mls.codec import EXTERNAL_ALLOWED, EXTERNAL_SENDERS, SenderType
from parlour_mls.epoch import Epoch
from parlour_mls.errors import (
    InvalidError,
    NewerEpochError,
    NotAuthorisedError,
    NotForThisGroupError,
    OlderEpochError,
    PolicyError,
)
from parlour_mls.messages import Add, Commit, FramedContent, decode_external_senders, find_extension
from parlour_mls.validate.policy import Policy


def check_group(group_id: bytes, epoch: Epoch) -> None:
    """Require that the message is for this group."""
    if group_id != epoch.context.group_id:
        raise NotForThisGroupError("the message is for another group (section 6)")


def check_epoch(number: int, epoch: Epoch) -> None:
    """Require that a handshake message is for the current epoch (sections 12.1 and 12.4.2)."""
    current = epoch.context.epoch
    if number < current:
        raise OlderEpochError(f"the message is for epoch {number}, the group is at {current}")
    if number > current:
        raise NewerEpochError(f"the message is for epoch {number}, we are at {current}: commits are missing")


def signature_key(content: FramedContent, epoch: Epoch, policy: Policy) -> bytes:
    """Find the key that MUST have signed a message, by the type of its sender (section 6.1)."""
    match content.sender.type:
        case SenderType.MEMBER:
            return member_key(content, epoch, policy)
        case SenderType.EXTERNAL:
            return external_key(content, epoch, policy)
        case SenderType.NEW_MEMBER_PROPOSAL:
            return new_member_key(content, policy)
        case SenderType.NEW_MEMBER_COMMIT:
            return external_committer_key(content, policy)


def member_key(content: FramedContent, epoch: Epoch, policy: Policy) -> bytes:
    """Require that a member signs with the key of its leaf, which is not blank."""
    if not policy.public_messages:
        raise PolicyError("unencrypted handshake messages are switched off by the policy of this client")
    leaf = epoch.tree.leaf(content.sender.index)
    if leaf is None:
        raise InvalidError("the sender's leaf is blank (section 6.1)")
    return leaf.signature_key


def external_key(content: FramedContent, epoch: Epoch, policy: Policy) -> bytes:
    """Require that an external sender is listed and proposes what it may (section 12.1.8)."""
    if not policy.external_proposals:
        raise PolicyError("proposals from outside are switched off by the policy of this client")
    body = content.body
    if isinstance(body, bytes | Commit):
        raise InvalidError("an external sender sent something other than a proposal (section 6.1)")
    if body.type not in EXTERNAL_ALLOWED:
        raise InvalidError("an external sender made a proposal that only members may make (section 12.1.8)")
    data = find_extension(epoch.context.extensions, EXTERNAL_SENDERS)
    senders = () if data is None else decode_external_senders(data)
    if content.sender.index >= len(senders):
        raise NotAuthorisedError("the external sender is not listed in the group (section 12.1.8.1)")
    return senders[content.sender.index].signature_key


def new_member_key(content: FramedContent, policy: Policy) -> bytes:
    """Someone outside may propose to add itself, and nothing else (section 6.1)."""
    if not policy.new_member_proposals:
        raise PolicyError("requests to join are switched off by the policy of this client")
    if not isinstance(content.body, Add):
        raise InvalidError("a new member proposed something other than its own Add (section 6.1)")
    return content.body.key_package.leaf_node.signature_key


def external_committer_key(content: FramedContent, policy: Policy) -> bytes:
    """Require that an external commit is signed with the key of its own leaf (section 12.4.3.2)."""
    if not policy.external_commits:
        raise PolicyError("external commits are switched off by the policy of this client")
    body = content.body
    if not isinstance(body, Commit):
        raise InvalidError("an external joiner sent something other than a commit (section 6.1)")
    if body.path is None:
        raise InvalidError("an external commit has no path (section 12.4.3.2)")
    return body.path.leaf_node.signature_key
