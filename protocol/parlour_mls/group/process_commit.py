"""From one epoch to the next: what making and receiving a commit have in common (RFC 9420 section 12.4).

Pure steps over `Epoch`; nothing is kept here. The confirmation tag is the last thing that is checked, and
only after it does a new epoch exist for the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from parlour_mls.codec import LeafNodeSource, SenderType
from parlour_mls.crypto import ZERO, Secret, SigningKey, check_mac
from parlour_mls.epoch import (
    Epoch,
    Outcome,
    Psks,
    QueuedProposal,
    SecretTree,
    confirmed_hash,
    epoch_from_joiner,
    external_init_receive,
    interim_hash,
    joiner_secret,
)
from parlour_mls.errors import InvalidError, StateError
from parlour_mls.group.apply_proposals import Applied, Rules, apply_proposals
from parlour_mls.messages import AuthenticatedContent, Commit, GroupContext, LeafNode, UpdatePath
from parlour_mls.tree import Privates, RatchetTree, decrypt_path, merge_path
from parlour_mls.validate import (
    LeafRules,
    check_credential_types,
    check_leaf,
    check_path,
    check_path_keys,
    check_path_signature_key,
    check_replacement,
)

NO_COMMIT_SECRET = Secret(ZERO)
"""The commit secret of a commit without a path (section 12.4.1)."""
LAST_EPOCH = (1 << 64) - 1
"""Epoch numbers have 64 bits (section 6); a hostile founder may begin at the end."""


@dataclass(frozen=True, slots=True)
class OwnUpdate:
    """The private side of an Update that we have proposed."""

    private: Secret
    signer: SigningKey


@dataclass(frozen=True, slots=True)
class ProcessedCommit:
    """A commit that has been accepted; `epoch` is None when it removed us."""

    epoch: Epoch | None
    applied: Applied
    outcome: Outcome


def provisional_context(context: GroupContext, tree: RatchetTree, applied: Applied) -> GroupContext:
    """Context under which path secrets are encrypted: the new tree, the old transcript (section 12.4.1)."""
    if context.epoch >= LAST_EPOCH:
        raise StateError("the group has used up its epoch numbers: create a new one")
    return replace(context, epoch=context.epoch + 1, tree_hash=tree.tree_hash, extensions=applied.extensions)


def keep_private_keys(privates: Privates, before: RatchetTree, after: RatchetTree) -> dict[int, Secret]:
    """Drop private keys of nodes that were blanked, replaced or cut off (section 7.5)."""
    kept: dict[int, Secret] = {}
    for node, secret in privates.items():
        old = before.nodes[node]
        new = after.nodes[node] if node < len(after.nodes) else None
        if old is not None and new is not None and old.encryption_key == new.encryption_key:
            kept[node] = secret
    return kept


def outcome_of(applied: Applied, before: Epoch, committer: int, *, external: bool) -> Outcome:
    """Describe a commit for the application."""
    removed = tuple(m for m in map(before.member, applied.removed) if m is not None)
    added = tuple(index for index, _ in applied.added) + ((committer,) if external else ())
    number = before.context.epoch + 1
    return Outcome(number, committer, external, added, applied.updated, removed)


def process_commit(
    epoch: Epoch,
    message: AuthenticatedContent,
    commit: Commit,
    items: tuple[QueuedProposal, ...],
    rules: Rules,
    psks: Psks,
    own_updates: Mapping[bytes, OwnUpdate],
) -> ProcessedCommit:
    """Process a commit of someone else (section 12.4.2), once its signature was verified.

    `items` are its proposals, those that it refers to included.
    """
    sender = message.content.sender
    check_path(commit, items)
    data = message.content.authenticated_data
    applied = apply_proposals(items, epoch.tree, epoch.context, sender, commit, data, rules)
    external = sender.type is SenderType.NEW_MEMBER_COMMIT
    tree, committer = applied.tree.with_room() if external else (applied.tree, sender.index)
    if commit.path is not None:
        _check_path_leaf(epoch, applied, tree, committer, commit.path, external, rules)
        tree = merge_path(epoch.context.suite, tree, committer, commit.path)
        check_credential_types(tree)
    outcome = outcome_of(applied, epoch, committer, external=external)
    if epoch.own_leaf in applied.removed:
        return ProcessedCommit(None, applied, outcome)
    psk = psks.secret(applied.psks)
    privates = keep_private_keys(epoch.privates, epoch.tree, tree)
    signer = epoch.signer
    if epoch.own_leaf in applied.updated:
        own = own_updates.get(_own_key(tree, epoch.own_leaf))
        if own is None:
            raise StateError("our Update was committed, but its private key is lost: join the group again")
        privates[2 * epoch.own_leaf], signer = own.private, own.signer
    context = provisional_context(epoch.context, tree, applied)
    commit_secret = NO_COMMIT_SECRET
    if commit.path is not None:
        new, own_leaf = applied.new_leaves, epoch.own_leaf
        opened = decrypt_path(
            context.suite, tree, committer, commit.path, own_leaf, privates, new, context.encode()
        )
        privates.update(opened.privates)
        commit_secret = opened.commit_secret
    init = epoch.secrets.init
    if applied.external_init is not None:
        kem = context.suite.kem
        init = external_init_receive(kem, applied.external_init.kem_output, epoch.secrets.external_pair(kem))
    successor = replace(epoch, tree=tree, privates=privates, signer=signer)
    after, _ = next_epoch(successor, context, message, init, commit_secret, psk)
    tag = message.auth.confirmation_tag
    if tag is None:
        raise InvalidError("a commit has no confirmation tag (section 6.1)")
    confirmed = after.context.confirmed_transcript_hash
    check_mac(after.secrets.confirmation, confirmed, tag, "confirmation tag")
    return ProcessedCommit(after, applied, outcome)


def _own_key(tree: RatchetTree, own_leaf: int) -> bytes:
    leaf = tree.leaf(own_leaf)
    return b"" if leaf is None else leaf.encryption_key


def _check_path_leaf(
    epoch: Epoch,
    applied: Applied,
    tree: RatchetTree,
    committer: int,
    path: UpdatePath,
    external: bool,  # noqa: FBT001 - internal, and named at the call
    rules: Rules,
) -> None:
    """Check the leaf that a path brings in (sections 7.3, 12.4.2 and 12.4.3.2)."""
    leaf_rules = LeafRules(applied.extensions, rules.policy, rules.now, epoch.context.suite)
    check_leaf(path.leaf_node, LeafNodeSource.COMMIT, leaf_rules, epoch.context.group_id, committer)
    for old in _replaced(epoch, applied, tree, committer, external=external):
        check_replacement(old, path.leaf_node, rules.policy)
    check_path_keys(tree, path)
    check_path_signature_key(tree, committer, path.leaf_node)


def _replaced(
    epoch: Epoch, applied: Applied, tree: RatchetTree, committer: int, *, external: bool
) -> list[LeafNode]:
    # An external commit that removes a leaf says that this was its sender's own: it must be so (section
    # 12.2).
    old = [epoch.tree.leaf(i) for i in applied.removed] if external else [tree.leaf(committer)]
    return [leaf for leaf in old if leaf is not None]


def next_epoch(
    before: Epoch,
    context: GroupContext,
    message: AuthenticatedContent,
    init: Secret,
    commit_secret: Secret,
    psk: bytes,
) -> tuple[Epoch, Secret]:
    """Run the key schedule: the new epoch and its joiner secret (section 8). The caller checks the tag.

    `before` is the old epoch with the new tree and private keys in it, `context` the provisional one.
    """
    confirmed = confirmed_hash(before.interim_hash, message)
    new_context = replace(context, confirmed_transcript_hash=confirmed)
    encoded = new_context.encode()
    joiner = joiner_secret(init, commit_secret, encoded)
    secrets, encryption = epoch_from_joiner(joiner, psk, encoded)
    tag = secrets.confirmation_tag(confirmed)
    after = Epoch(
        new_context,
        before.tree,
        secrets,
        SecretTree.start(before.tree.size, encryption.reveal()),
        interim_hash(confirmed, tag),
        before.own_leaf,
        before.privates,
        before.signer,
    )
    return after, joiner
