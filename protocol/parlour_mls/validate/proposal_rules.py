"""Checks whether a list of proposals may be committed: RFC 9420 sections 12.1, 12.2 and 12.4.

One function for each rule; each raises. They apply to the committer and to everyone who receives the commit,
before any change; rules about the resulting tree are in `leaf_rules` and `tree_rules`.
"""

from collections.abc import Sequence

from parlour_mls.codec import PATH_REQUIRED, ResumptionUsage
from parlour_mls.crypto import HASH_SIZE, PROTOCOL_VERSION
from parlour_mls.epoch import QueuedProposal
from parlour_mls.errors import InvalidError, NotAuthorisedError
from parlour_mls.messages import (
    Add,
    Commit,
    ExternalInit,
    GroupContextExtensions,
    LeafNode,
    PreSharedKey,
    PskId,
    ReInit,
    Remove,
    ResumptionPskId,
    Update,
    UpdatePath,
)
from parlour_mls.tree import RatchetTree

Items = Sequence[QueuedProposal]


def check_regular(items: Items, tree: RatchetTree, committer: int) -> None:
    """Apply all rules for the list of a member's commit (section 12.2)."""
    check_no_external_init(items)
    check_updates(items, committer)
    check_removes(items, tree)
    check_not_own_removal(items, committer)
    check_one_change_for_each_leaf(items)
    check_distinct_clients(items)
    check_psks(items)
    check_one_extension_list(items)
    check_reinit(items)


def check_external(commit: Commit, items: Items, tree: RatchetTree) -> None:
    """Apply all rules for the list of an external commit (sections 12.2 and 12.4.3.2)."""
    check_nothing_by_reference(commit)
    check_external_kinds(items)
    check_removes(items, tree)
    check_psks(items)


def check_no_external_init(items: Items) -> None:
    """Require that a member's commit holds no ExternalInit."""
    if any(isinstance(i.proposal, ExternalInit) for i in items):
        raise InvalidError("a member's commit holds an ExternalInit proposal (section 12.2)")


def check_updates(items: Items, committer: int) -> None:
    """Require that updates come from members, and none from the committer: its path does that."""
    for item in items:
        if isinstance(item.proposal, Update):
            if item.by_member is None:
                raise InvalidError("an Update proposal does not come from a member (section 12.1.8)")
            if item.by_member == committer:
                raise InvalidError("a commit holds an Update of the committer (section 12.2)")


def check_removes(items: Items, tree: RatchetTree) -> None:
    """Only members can be removed."""
    for item in items:
        if isinstance(item.proposal, Remove) and tree.leaf(item.proposal.removed) is None:
            raise InvalidError("a Remove names a blank leaf (section 12.1.3)")


def check_not_own_removal(items: Items, committer: int) -> None:
    """No one commits its own removal."""
    if any(isinstance(i.proposal, Remove) and i.proposal.removed == committer for i in items):
        raise InvalidError("a commit removes its committer (section 12.2)")


def check_one_change_for_each_leaf(items: Items) -> None:
    """Require that a leaf is updated or removed once at most."""
    changed = [i.by_member for i in items if isinstance(i.proposal, Update)]
    changed += [i.proposal.removed for i in items if isinstance(i.proposal, Remove)]
    if len(set(changed)) != len(changed):
        raise InvalidError("a commit updates or removes one leaf twice (section 12.2)")


def check_distinct_clients(items: Items) -> None:
    """No client is added twice; one init key is used for one client."""
    added = [i.proposal.key_package for i in items if isinstance(i.proposal, Add)]
    if len({package.leaf_node.signature_key for package in added}) != len(added):
        raise InvalidError("a commit adds the same client twice (section 12.2)")
    if len({package.init_key for package in added}) != len(added):
        raise InvalidError("a commit adds two clients with one init key (section 10)")


def check_psk_id(psk: PskId) -> None:
    """Require a nonce of full length; ReInit and branch PSKs come only in a Welcome."""
    if len(psk.nonce) != HASH_SIZE:
        raise InvalidError("the nonce of a PSK has the wrong length (section 12.1.4)")
    if isinstance(psk, ResumptionPskId) and psk.usage is not ResumptionUsage.APPLICATION:
        raise InvalidError(f"a PSK of usage {psk.usage.name} is not allowed here (section 12.1.4)")


def check_psks(items: Items) -> None:
    """PSKs are valid each, and none comes twice."""
    psks = [i.proposal.psk for i in items if isinstance(i.proposal, PreSharedKey)]
    for psk in psks:
        check_psk_id(psk)
    if len(set(psks)) != len(psks):
        raise InvalidError("a commit holds the same PSK twice (section 12.2)")


def check_one_extension_list(items: Items) -> None:
    """There is one GroupContextExtensions at most."""
    if sum(isinstance(i.proposal, GroupContextExtensions) for i in items) > 1:
        raise InvalidError("a commit holds two GroupContextExtensions proposals (section 12.2)")


def check_reinit(items: Items) -> None:
    """Require that a ReInit is the only proposal and does not lower the version."""
    for item in items:
        if isinstance(item.proposal, ReInit):
            if len(items) > 1:
                raise InvalidError("a commit holds a ReInit and another proposal (section 12.2)")
            check_reinit_version(item.proposal)


def check_reinit_version(proposal: ReInit) -> None:
    """Require that a ReInit does not go back to an older version (section 12.1.5)."""
    if proposal.version < PROTOCOL_VERSION:
        raise InvalidError("a ReInit lowers the protocol version (section 12.1.5)")


def check_path(commit: Commit, items: Items) -> None:
    """Require that a commit has a path when it is empty or one of its proposals needs one (section 12.4)."""
    if commit.path is None and path_required(items):
        raise InvalidError("a commit lacks the path that its proposals require (section 12.4)")


def path_required(items: Items) -> bool:
    """Tell whether a commit of these must have a path (section 12.4)."""
    return not items or any(i.proposal.type in PATH_REQUIRED for i in items)


def check_path_keys(tree: RatchetTree, path: UpdatePath) -> None:
    """All keys of a path are fresh and distinct; `tree` is the one before the path (section 12.4.2)."""
    keys = [path.leaf_node.encryption_key, *(node.encryption_key for node in path.nodes)]
    if len(set(keys)) != len(keys) or not set(keys).isdisjoint(tree.encryption_keys()):
        raise InvalidError("an update path reuses an encryption key (section 12.4.2)")


def check_path_signature_key(tree: RatchetTree, sender: int, committed: LeafNode) -> None:
    """Require that no other member has the committer's signature key (section 7.3)."""
    key = committed.signature_key
    if any(leaf.signature_key == key for index, leaf in tree.members() if index != sender):
        raise InvalidError("a committer takes the signature key of another member (section 7.3)")


# --- external commits (section 12.4.3.2) ---


def check_nothing_by_reference(commit: Commit) -> None:
    """Require that it refers to nothing: a joiner cannot judge what was proposed inside of the group."""
    if any(isinstance(item, bytes) for item in commit.proposals):
        raise InvalidError("an external commit refers to a proposal (section 12.4.3.2)")


def check_external_kinds(items: Items) -> None:
    """Require that it holds one ExternalInit, one Remove at most, PSKs, and nothing else.

    That it has a path is seen when its signature is verified, whose key is in it: `message_rules`.
    """
    proposals = [i.proposal for i in items]
    if sum(isinstance(p, ExternalInit) for p in proposals) != 1:
        raise InvalidError("an external commit does not have exactly one ExternalInit (section 12.2)")
    if sum(isinstance(p, Remove) for p in proposals) > 1:
        raise InvalidError("an external commit removes more than one leaf (section 12.2)")
    if not all(isinstance(p, ExternalInit | Remove | PreSharedKey) for p in proposals):
        raise NotAuthorisedError(
            "an external commit holds a proposal that only members may make (section 12.2)"
        )
