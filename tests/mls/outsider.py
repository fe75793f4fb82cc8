"""External commits and external proposals, as someone outside of a group sends them (RFC 9420 section 12).

The engine follows these where its policy allows it, and makes none. They are made here to try the rules of
members on them; nothing that is wrong is refused on this side, except by `apply_proposals` (`lawless`).
"""

from collections.abc import Callable, Sequence
from dataclasses import fields

from parlour_mls import Group, KeyPackageSecrets, Policy, Proposal, Psks, SigningKey
from parlour_mls.codec import EXTERNAL_PUB, RATCHET_TREE, Reader, SenderType, WireFormat, decode
from parlour_mls.crypto import HASH_SIZE, ZERO, Random, Secret, setup_sender
from parlour_mls.epoch import (
    Epoch,
    QueuedProposal,
    SecretTree,
    frame_public_message,
    interim_hash,
    sign,
)
from parlour_mls.epoch.key_schedule import EXTERNAL_INIT, EpochSecrets
from parlour_mls.group.apply_proposals import Rules, apply_proposals
from parlour_mls.group.group_state import State
from parlour_mls.group.process_commit import next_epoch, provisional_context
from parlour_mls.messages import (
    Add,
    AuthData,
    AuthenticatedContent,
    Commit,
    ExternalInit,
    FramedContent,
    GroupContext,
    GroupInfo,
    Sender,
    encode_message,
    find_extension,
    read_message,
)
from parlour_mls.tree import RatchetTree, encrypt_path, plan_path

NEWCOMER = Sender(SenderType.NEW_MEMBER_COMMIT)


def external_commit(
    group_info: bytes,
    own: KeyPackageSecrets,
    proposals: Sequence[Proposal],
    psks: Psks,
    policy: Policy,
    random: Random,
    *,
    edit: Callable[[FramedContent], FramedContent] = lambda content: content,
    signer: SigningKey | None = None,
) -> tuple[bytes, Group]:
    """Make the commit by which someone joins from outside, and the group once it is accepted.

    `edit` changes the content before it is signed, `signer` signs in the place of the leaf's key.
    """
    info = read_message(group_info)
    assert isinstance(info, GroupInfo)
    context, kem = info.context, info.context.suite.kem
    tree = decode(RatchetTree.read, find_extension(info.extensions, RATCHET_TREE) or b"")
    external = decode(Reader.vec, find_extension(info.extensions, EXTERNAL_PUB) or b"")
    kem_output, joining = setup_sender(kem, external, b"", random)
    init = Secret(joining.export(EXTERNAL_INIT, HASH_SIZE))
    sent = (ExternalInit(kem_output), *proposals)
    items = tuple(QueuedProposal(proposal, NEWCOMER) for proposal in sent)
    applied = apply_proposals(items, tree, context, NEWCOMER, Commit(sent, None), b"", Rules(policy, None))
    room, index = applied.tree.with_room()
    leaf = own.package.leaf_node
    planned = plan_path(context.suite, room, index, leaf, own.signer, context.group_id, random)
    after_context = provisional_context(context, planned.tree, applied)
    path = encrypt_path(planned, frozenset(), after_context.encode(), random)
    content = edit(FramedContent(context.group_id, context.epoch, NEWCOMER, b"", Commit(sent, path)))
    signature = sign(WireFormat.PUBLIC_MESSAGE, content, context.encode(), signer or own.signer)
    unconfirmed = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, AuthData(signature, None))
    before = Epoch(
        context,
        planned.tree,
        EpochSecrets(*(Secret(ZERO) for _ in fields(EpochSecrets))),
        SecretTree(planned.tree.size, {}, {}),
        interim_hash(context.confirmed_transcript_hash, info.confirmation_tag),
        index,
        planned.opened.privates,
        own.signer,
    )
    psk, commit_secret = psks.secret(applied.psks), planned.opened.commit_secret
    after, _ = next_epoch(before, after_context, unconfirmed, init, commit_secret, psk)
    tag = after.secrets.confirmation_tag(after.context.confirmed_transcript_hash)
    message = encode_message(frame_public_message(content, AuthData(signature, tag), b"", None))
    return message, Group(State.start(after).remembering(message), policy, random)


def external_proposal(
    context: GroupContext, sender_index: int, signer: SigningKey, proposal: Proposal
) -> bytes:
    """Propose as the external sender with that index in the group's list (section 12.1.8)."""
    return propose(context, Sender(SenderType.EXTERNAL, sender_index), signer, proposal)


def new_member_proposal(context: GroupContext, own: KeyPackageSecrets) -> bytes:
    """Ask to be added with a key package of one's own (section 12.1.8)."""
    return propose(context, Sender(SenderType.NEW_MEMBER_PROPOSAL), own.signer, Add(own.package))


def propose(context: GroupContext, sender: Sender, signer: SigningKey, proposal: Proposal) -> bytes:
    """Propose as any sender from outside."""
    content = FramedContent(context.group_id, context.epoch, sender, b"", proposal)
    signature = sign(WireFormat.PUBLIC_MESSAGE, content, b"", signer)
    return encode_message(frame_public_message(content, AuthData(signature, None), b"", None))
