"""Applying a list of proposals to a tree and a group context (RFC 9420 section 12.3).

Checks the list, then each proposal, then the tree that comes of them, and asks the policy; gives what would
be and changes nothing. Making and receiving commits both go through here, so both obey the same rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from parlour_mls.codec import EXTERNAL_SENDERS, LeafNodeSource, SenderType
from parlour_mls.epoch import QueuedProposal
from parlour_mls.errors import InvalidError, PolicyError
from parlour_mls.messages import (
    Add,
    Commit,
    Extensions,
    ExternalInit,
    GroupContext,
    GroupContextExtensions,
    KeyPackage,
    LeafNode,
    PreSharedKey,
    PskId,
    ReInit,
    Remove,
    Sender,
    Update,
    decode_external_senders,
    find_extension,
)
from parlour_mls.tree import RatchetTree
from parlour_mls.validate import (
    Change,
    LeafRules,
    Policy,
    check_all_support,
    check_credential_types,
    check_external,
    check_key_package,
    check_leaf,
    check_psk_id,
    check_regular,
    check_reinit_version,
    check_replacement,
    check_unique_encryption_keys,
    check_unique_signature_keys,
    required_of,
    unusable_leaves,
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules for proposals."""

    policy: Policy
    now: int | None


@dataclass(frozen=True, slots=True)
class Applied:
    """A group as it would be after some proposals, before the path."""

    tree: RatchetTree
    extensions: Extensions
    added: tuple[tuple[int, KeyPackage], ...]
    updated: tuple[int, ...]
    removed: tuple[int, ...]
    psks: tuple[PskId, ...]
    external_init: ExternalInit | None
    reinit: ReInit | None

    @property
    def new_leaves(self) -> frozenset[int]:
        """Added leaves; path secrets are not encrypted to them (section 7.5)."""
        return frozenset(index for index, _ in self.added)


def apply_proposals(
    items: Sequence[QueuedProposal],
    tree: RatchetTree,
    context: GroupContext,
    committer: Sender,
    commit: Commit,
    authenticated_data: bytes,
    rules: Rules,
) -> Applied:
    """Apply a commit's proposals in the order of section 12.3."""
    if committer.type is SenderType.MEMBER:
        check_regular(items, tree, committer.index)
    else:
        check_external(commit, items, tree)
    _check_allowed(items, rules.policy)
    rules.policy.authorise(change_of(items, tree, committer, authenticated_data))
    extensions, replaced = _extensions(items, context, rules.policy)
    leaf_rules = LeafRules(extensions, rules.policy, rules.now, context.suite)
    after, updated = _update(items, tree, context, leaf_rules)
    after, removed = _remove(items, after)
    after, added = _add(items, after, leaf_rules)
    check_unique_encryption_keys(after)
    check_unique_signature_keys(after)
    check_credential_types(after)
    if replaced:
        check_all_support(after, leaf_rules)
    return Applied(
        after,
        extensions,
        added,
        updated,
        removed,
        tuple(i.proposal.psk for i in items if isinstance(i.proposal, PreSharedKey)),
        next((i.proposal for i in items if isinstance(i.proposal, ExternalInit)), None),
        next((i.proposal for i in items if isinstance(i.proposal, ReInit)), None),
    )


def _check_allowed(items: Sequence[QueuedProposal], policy: Policy) -> None:
    if not policy.reinit and any(isinstance(i.proposal, ReInit) for i in items):
        raise PolicyError("ReInit is switched off by the policy of this client")


def _extensions(
    items: Sequence[QueuedProposal], context: GroupContext, policy: Policy
) -> tuple[Extensions, bool]:
    for item in items:
        if isinstance(item.proposal, GroupContextExtensions):
            check_group_extensions(item.proposal.extensions, policy)
            return item.proposal.extensions, True
    return context.extensions, False


def check_group_extensions(extensions: Extensions, policy: Policy) -> None:
    """Require that external senders are acceptable and the rest can be read (sections 5.3.1 and 11.1)."""
    senders = find_extension(extensions, EXTERNAL_SENDERS)
    if senders is not None:
        for sender in decode_external_senders(senders):
            policy.validate_external_sender(sender)
    required_of(extensions)  # raises when what the group requires cannot be read


def _update(
    items: Sequence[QueuedProposal], tree: RatchetTree, context: GroupContext, rules: LeafRules
) -> tuple[RatchetTree, tuple[int, ...]]:
    updated: list[int] = []
    for item in items:
        if isinstance(item.proposal, Update):
            index = check_update(item, tree, context, rules)
            tree = tree.with_updated(index, item.proposal.leaf_node)
            updated.append(index)
    return tree, tuple(updated)


def check_update(item: QueuedProposal, tree: RatchetTree, context: GroupContext, rules: LeafRules) -> int:
    """Check one Update proposal and give the leaf that it is for (sections 7.3 and 12.1.2)."""
    index = item.by_member
    old = None if index is None else tree.leaf(index)
    if index is None or old is None or not isinstance(item.proposal, Update):
        raise InvalidError("an Update proposal does not come from a member (section 12.1.8)")
    leaf = item.proposal.leaf_node
    check_leaf(leaf, LeafNodeSource.UPDATE, rules, context.group_id, index)
    check_replacement(old, leaf, rules.policy)
    return index


def _remove(items: Sequence[QueuedProposal], tree: RatchetTree) -> tuple[RatchetTree, tuple[int, ...]]:
    removed = tuple(i.proposal.removed for i in items if isinstance(i.proposal, Remove))
    for index in removed:
        tree = tree.with_removed(index)
    return tree, removed


def _add(
    items: Sequence[QueuedProposal], tree: RatchetTree, rules: LeafRules
) -> tuple[RatchetTree, tuple[tuple[int, KeyPackage], ...]]:
    added: list[tuple[int, KeyPackage]] = []
    for item in items:
        if isinstance(item.proposal, Add):
            package = item.proposal.key_package
            check_key_package(package, rules)
            tree, index = tree.with_added(package.leaf_node)
            added.append((index, package))
    return tree, tuple(added)


def check_single(
    item: QueuedProposal, tree: RatchetTree, context: GroupContext, authenticated_data: bytes, rules: Rules
) -> None:
    """Check a proposal that has just come, before it is kept for a commit (section 12.1)."""
    leaf_rules = LeafRules(context.extensions, rules.policy, rules.now, context.suite)
    _check_allowed((item,), rules.policy)
    match item.proposal:
        case Add(key_package):
            check_key_package(key_package, leaf_rules)
        case Update():
            check_update(item, tree, context, leaf_rules)
        case Remove(removed):
            if tree.leaf(removed) is None:
                raise InvalidError("a Remove names a blank leaf (section 12.1.3)")
        case PreSharedKey(psk):
            check_psk_id(psk)
        case ReInit():
            check_reinit_version(item.proposal)
        case GroupContextExtensions(extensions):
            check_group_extensions(extensions, rules.policy)
        case ExternalInit():
            raise InvalidError("only external commits may hold an ExternalInit (section 12.1.6)")
    rules.policy.authorise(change_of((item,), tree, item.sender, authenticated_data))


def change_of(
    items: Sequence[QueuedProposal], tree: RatchetTree, committer: Sender, authenticated_data: bytes
) -> Change:
    """Describe proposals for `Policy.authorise`."""
    added: list[tuple[Sender, LeafNode]] = []
    updated: list[tuple[int, LeafNode]] = []
    removed: list[tuple[Sender, int, LeafNode]] = []
    psks: list[PskId] = []
    extensions: tuple[Sender, Extensions] | None = None
    reinit: ReInit | None = None
    for item in items:
        match item.proposal:
            case Add(key_package):
                added.append((item.sender, key_package.leaf_node))
            case Update(leaf_node):
                updated.append((item.sender.index, leaf_node))
            case Remove(index):
                leaf = tree.leaf(index)
                if leaf is not None:
                    removed.append((item.sender, index, leaf))
            case PreSharedKey(psk):
                psks.append(psk)
            case GroupContextExtensions(listed):
                extensions = item.sender, listed
            case ReInit():
                reinit = item.proposal
            case ExternalInit():
                pass
    return Change(
        committer,
        tuple(added),
        tuple(updated),
        tuple(removed),
        tuple(psks),
        extensions,
        reinit,
        authenticated_data,
        tuple(tree.members()),
        unusable_leaves(tree).intersection(index for _, index, _ in removed) if removed else frozenset(),
    )
