"""Making a commit, and the Welcome and group info that go with it (RFC 9420 sections 12.4.1 and 12.4.3).

Making one changes nothing but our own ratchet (its key is used up, whatever becomes of the commit): the new
epoch lies ready in what is returned, to be entered when the delivery service has accepted the commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from parlour_mls.codec import EXTERNAL_PUB, RATCHET_TREE, WireFormat, vec
from parlour_mls.crypto import (
    Random,
    Secret,
    SigningKey,
    aead_encrypt,
    encrypt_with_label,
    system_random,
)
from parlour_mls.epoch import (
    Epoch,
    Outcome,
    Psks,
    QueuedProposal,
    SecretTree,
    encrypt_private_message,
    frame_public_message,
    sign,
    welcome_key,
)
from parlour_mls.errors import InvalidError
from parlour_mls.group.apply_proposals import Applied, Rules, apply_proposals
from parlour_mls.group.process_commit import (
    NO_COMMIT_SECRET,
    keep_private_keys,
    next_epoch,
    outcome_of,
    provisional_context,
)
from parlour_mls.messages import (
    AuthData,
    AuthenticatedContent,
    Capabilities,
    Commit,
    Credential,
    EncryptedGroupSecrets,
    Extension,
    Extensions,
    FramedContent,
    GroupContext,
    GroupInfo,
    GroupSecrets,
    LeafNode,
    Proposal,
    ProposalOrRef,
    Welcome,
    encode_message,
    member,
)
from parlour_mls.tree import PathPlan, encrypt_path, plan_path
from parlour_mls.validate import (
    LeafRules,
    Policy,
    check_contents,
    check_credential_types,
    check_path_signature_key,
    check_replacement,
    path_required,
)


@dataclass(frozen=True, slots=True)
class LeafChange:
    """Changes of a member's own leaf; None keeps the current value."""

    credential: Credential | None = None
    capabilities: Capabilities | None = None
    extensions: Extensions | None = None
    signer: SigningKey | None = None

    def applied_to(self, leaf: LeafNode) -> LeafNode:
        """Give the leaf with the changes, not signed yet."""
        return replace(
            leaf,
            credential=self.credential or leaf.credential,
            capabilities=self.capabilities or leaf.capabilities,
            extensions=leaf.extensions if self.extensions is None else self.extensions,
            signature_key=leaf.signature_key if self.signer is None else self.signer.public,
        )


NO_CHANGE = LeafChange()


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How a commit is made."""

    path: bool = True
    """Refresh our keys even where RFC 9420 does not ask for it."""
    public: bool = False
    """Send it readable (and tagged) instead of encrypted."""
    tree_in_welcome: bool = True
    """Put the ratchet tree into the Welcome; otherwise hand it to newcomers beside it."""
    info_extensions: Extensions = ()
    """More for newcomers to read in the group info of the Welcome, encrypted to them only."""
    authenticated_data: bytes = b""
    leaf: LeafChange = NO_CHANGE


DEFAULT_OPTIONS = CommitOptions()


@dataclass(frozen=True, slots=True)
class Made:
    """A commit ready to be sent, and what follows when it is accepted."""

    message: bytes
    welcome: bytes | None
    keys: SecretTree
    """Our old epoch's secret tree with the commit's key used up: keep it before the commit leaves."""
    epoch: Epoch
    applied: Applied
    outcome: Outcome


def create_commit(
    epoch: Epoch,
    proposals: Sequence[tuple[ProposalOrRef, QueuedProposal]],
    rules: Rules,
    psks: Psks,
    options: CommitOptions = DEFAULT_OPTIONS,
    random: Random = system_random,
) -> Made:
    """Make a commit of these proposals, each in its sent and its decoded form (section 12.4.1)."""
    items = tuple(item for _, item in proposals)
    draft = Commit(tuple(sent for sent, _ in proposals), None)
    sender = member(epoch.own_leaf)
    data = options.authenticated_data
    applied = apply_proposals(items, epoch.tree, epoch.context, sender, draft, data, rules)
    psk = psks.secret(applied.psks)
    planned = None
    if options.path or path_required(items):
        planned = _plan(epoch, applied, rules, options, random)
    context = provisional_context(epoch.context, (planned or applied).tree, applied)
    if planned is not None:
        draft = replace(draft, path=encrypt_path(planned, applied.new_leaves, context.encode(), random))
    successor = _successor(epoch, applied, planned, options)
    commit_secret = NO_COMMIT_SECRET if planned is None else planned.opened.commit_secret
    message, after, joiner = _confirm(epoch, successor, draft, context, (commit_secret, psk), options)
    encoded, keys = _frame(epoch, message, rules.policy, random)
    welcome = _welcome(after, applied, planned, joiner, psk, options, random) if applied.added else None
    outcome = outcome_of(applied, epoch, epoch.own_leaf, external=False)
    return Made(encoded, welcome, keys, after, applied, outcome)


def _plan(epoch: Epoch, applied: Applied, rules: Rules, options: CommitOptions, random: Random) -> PathPlan:
    old = applied.tree.leaf(epoch.own_leaf)
    if old is None:
        raise InvalidError("our own leaf is blank")
    leaf, signer = options.leaf.applied_to(old), options.leaf.signer or epoch.signer
    planned = plan_path(
        epoch.context.suite, applied.tree, epoch.own_leaf, leaf, signer, epoch.context.group_id, random
    )
    fresh = planned.leaf
    check_contents(fresh, LeafRules(applied.extensions, rules.policy, rules.now, planned.suite))
    rules.policy.validate_credential(fresh)
    check_replacement(old, fresh, rules.policy)
    check_path_signature_key(applied.tree, epoch.own_leaf, fresh)
    check_credential_types(planned.tree)
    return planned


def _successor(epoch: Epoch, applied: Applied, planned: PathPlan | None, options: CommitOptions) -> Epoch:
    tree = (planned or applied).tree
    privates = keep_private_keys(epoch.privates, epoch.tree, tree)
    if planned is None:
        return replace(epoch, tree=tree, privates=privates)
    privates.update(planned.opened.privates)
    return replace(epoch, tree=tree, privates=privates, signer=options.leaf.signer or epoch.signer)


def _confirm(
    epoch: Epoch,
    successor: Epoch,
    commit: Commit,
    context: GroupContext,
    secrets: tuple[Secret, bytes],
    options: CommitOptions,
) -> tuple[AuthenticatedContent, Epoch, Secret]:
    """Sign the commit in the old epoch, then run the key schedule and add the tag of the new one."""
    wire_format = WireFormat.PUBLIC_MESSAGE if options.public else WireFormat.PRIVATE_MESSAGE
    content = FramedContent(
        epoch.context.group_id,
        epoch.context.epoch,
        member(epoch.own_leaf),
        options.authenticated_data,
        commit,
    )
    signature = sign(wire_format, content, epoch.context.encode(), epoch.signer)
    unconfirmed = AuthenticatedContent(wire_format, content, AuthData(signature, None))
    commit_secret, psk = secrets
    after, joiner = next_epoch(successor, context, unconfirmed, epoch.secrets.init, commit_secret, psk)
    tag = after.secrets.confirmation_tag(after.context.confirmed_transcript_hash)
    return replace(unconfirmed, auth=AuthData(signature, tag)), after, joiner


def _frame(
    epoch: Epoch, message: AuthenticatedContent, policy: Policy, random: Random
) -> tuple[bytes, SecretTree]:
    """Protect a handshake message with the keys of the epoch that it was made in."""
    if message.wire_format is WireFormat.PUBLIC_MESSAGE:
        context, membership = epoch.context.encode(), epoch.secrets.membership
        public = frame_public_message(message.content, message.auth, context, membership)
        return encode_message(public), epoch.keys
    private, keys = encrypt_private_message(
        message.content, message.auth, epoch.message_keys, policy.padding, random
    )
    return encode_message(private), keys


def frame_proposal(
    epoch: Epoch, proposal: Proposal, options: CommitOptions, policy: Policy, random: Random = system_random
) -> tuple[bytes, AuthenticatedContent, SecretTree]:
    """Sign and protect a proposal of ours (section 12.1)."""
    wire_format = WireFormat.PUBLIC_MESSAGE if options.public else WireFormat.PRIVATE_MESSAGE
    context = epoch.context
    content = FramedContent(
        context.group_id, context.epoch, member(epoch.own_leaf), options.authenticated_data, proposal
    )
    signature = sign(wire_format, content, context.encode(), epoch.signer)
    message = AuthenticatedContent(wire_format, content, AuthData(signature, None))
    encoded, keys = _frame(epoch, message, policy, random)
    return encoded, message, keys


def group_info(epoch: Epoch, *, tree: bool, external_pub: bool, more: Extensions = ()) -> GroupInfo:
    """Make a signed snapshot of an epoch (section 12.4.3)."""
    extensions = list(more)
    if tree:
        extensions.append(Extension(RATCHET_TREE, epoch.tree.encode()))
    if external_pub:
        extensions.append(
            Extension(EXTERNAL_PUB, vec(epoch.secrets.external_pair(epoch.context.suite.kem).public))
        )
    tag = epoch.secrets.confirmation_tag(epoch.context.confirmed_transcript_hash)
    return GroupInfo(epoch.context, tuple(extensions), tag, epoch.own_leaf).signed(epoch.signer)


def _welcome(
    after: Epoch,
    applied: Applied,
    planned: PathPlan | None,
    joiner: Secret,
    psk: bytes,
    options: CommitOptions,
    random: Random,
) -> bytes:
    """Invite all new members with one Welcome (section 12.4.3.1)."""
    info = group_info(after, tree=options.tree_in_welcome, external_pub=False, more=options.info_extensions)
    key, nonce = welcome_key(joiner, psk)
    encrypted_info = aead_encrypt(key, nonce, b"", info.encode())
    suite, secrets = after.context.suite, list[EncryptedGroupSecrets]()
    for index, package in applied.added:
        path_secret = None if planned is None else planned.secret_for(index)
        group_secrets = GroupSecrets(joiner, path_secret, applied.psks).encode()
        encrypted = encrypt_with_label(
            suite.kem, package.init_key, "Welcome", encrypted_info, group_secrets, random
        )
        secrets.append(EncryptedGroupSecrets(package.ref, encrypted))
    return encode_message(Welcome(tuple(secrets), encrypted_info, cipher_suite=suite.number))
