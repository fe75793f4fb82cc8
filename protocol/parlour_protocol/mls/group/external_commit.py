"""Acting from outside: external commits and external proposals (RFC 9420 sections 12.1.8 and 12.4.3.2).

Groups refuse what is made here unless their policy allows it. An external commit lets somebody in whom no
member has invited; an external sender can only propose.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from parlour_protocol.mls.codec.presentation import Reader, decode
from parlour_protocol.mls.codec.registries import EXTERNAL_PUB, SenderType, WireFormat
from parlour_protocol.mls.crypto.primitives import ZERO, Random, SigningKey, system_random
from parlour_protocol.mls.crypto.secret_bytes import Secret
from parlour_protocol.mls.epoch.epoch import Epoch, QueuedProposal
from parlour_protocol.mls.epoch.key_schedule import EpochSecrets, external_init_send, interim_hash
from parlour_protocol.mls.epoch.message_protection import frame_public_message, sign
from parlour_protocol.mls.epoch.psks import NO_PSKS, Psks
from parlour_protocol.mls.epoch.secret_tree import SecretTree
from parlour_protocol.mls.errors import InvalidError
from parlour_protocol.mls.group.apply_proposals import Applied, Rules, apply_proposals
from parlour_protocol.mls.group.process_commit import next_epoch, provisional_context
from parlour_protocol.mls.group.process_welcome import (
    Invitation,
    KeyPackageSecrets,
    check_context,
    check_group_info,
    tree_of,
)
from parlour_protocol.mls.messages.framed_content import (
    AuthData,
    AuthenticatedContent,
    Commit,
    FramedContent,
    Sender,
)
from parlour_protocol.mls.messages.leaf_node import find_extension
from parlour_protocol.mls.messages.mls_message import GroupContext, GroupInfo, Welcome, encode_message
from parlour_protocol.mls.messages.proposals import Add, ExternalInit, PreSharedKey, Proposal, Remove
from parlour_protocol.mls.tree.ratchet_tree import RatchetTree
from parlour_protocol.mls.tree.update_path import encrypt_path, plan_path
from parlour_protocol.mls.validate.policy import Policy


@dataclass(frozen=True, slots=True)
class ExternalJoin:
    """What somebody needs to let itself in."""

    info: GroupInfo
    own: KeyPackageSecrets
    policy: Policy
    tree: RatchetTree | None = None
    psks: Psks = NO_PSKS
    proposals: Sequence[Remove | PreSharedKey] = ()
    """A Remove of our own former leaf, and PSKs."""


def make_external_commit(how: ExternalJoin, random: Random = system_random) -> tuple[bytes, Epoch]:
    """Make an external commit: the message to send, and the epoch to enter when it is accepted."""
    info = how.info
    no_welcome = Welcome((), b"", cipher_suite=info.context.cipher_suite)
    check_context(info, Invitation(no_welcome, how.own, how.tree, how.psks, how.policy))
    tree = tree_of(info, how.tree, how.policy)
    check_group_info(info, tree, how.policy)
    external = find_extension(info.extensions, EXTERNAL_PUB)
    if external is None:
        raise InvalidError("the group info has no external_pub: nobody can join by it (section 12.4.3.2)")
    kem_output, init = external_init_send(info.context.suite.kem, decode(Reader.vec, external), random)
    proposals: tuple[Proposal, ...] = (ExternalInit(kem_output), *how.proposals)
    sender = Sender(SenderType.NEW_MEMBER_COMMIT)
    items = tuple(QueuedProposal(proposal, sender) for proposal in proposals)
    draft = Commit(proposals, None)  # the path is made once the list has been applied
    applied = apply_proposals(items, tree, info.context, sender, draft, b"", Rules(how.policy, None))
    return _finish(how, applied, proposals, init, random)


def _finish(
    how: ExternalJoin, applied: Applied, proposals: tuple[Proposal, ...], init: Secret, random: Random
) -> tuple[bytes, Epoch]:
    """Make the path from the new leaf, sign, and run the key schedule (sections 8.3 and 12.4.1)."""
    context = how.info.context
    room, index = applied.tree.with_room()
    planned = plan_path(
        context.suite, room, index, how.own.package.leaf_node, how.own.signer, context.group_id, random
    )
    after_context = provisional_context(context, planned.tree, applied)
    path = encrypt_path(planned, frozenset(), after_context.encode(), random)
    content = FramedContent(
        context.group_id, context.epoch, Sender(SenderType.NEW_MEMBER_COMMIT), b"", Commit(proposals, path)
    )
    signature = sign(WireFormat.PUBLIC_MESSAGE, content, context.encode(), how.own.signer)
    unconfirmed = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, AuthData(signature, None))
    before = Epoch(
        context,
        planned.tree,
        EpochSecrets(*(Secret(ZERO) for _ in fields(EpochSecrets))),
        SecretTree(planned.tree.size, {}, {}),
        interim_hash(context.confirmed_transcript_hash, how.info.confirmation_tag),
        index,
        planned.opened.privates,
        how.own.signer,
    )
    psk = how.psks.secret(applied.psks)
    after, _ = next_epoch(before, after_context, unconfirmed, init, planned.opened.commit_secret, psk)
    tag = after.secrets.confirmation_tag(after.context.confirmed_transcript_hash)
    message = frame_public_message(content, AuthData(signature, tag), b"", None)
    return encode_message(message), after


def external_proposal(
    context: GroupContext, sender_index: int, signer: SigningKey, proposal: Proposal
) -> bytes:
    """Propose as the external sender with that index in the group's list (section 12.1.8)."""
    return _propose(context, Sender(SenderType.EXTERNAL, sender_index), signer, proposal)


def new_member_proposal(context: GroupContext, own: KeyPackageSecrets) -> bytes:
    """Ask to be added with our key package (section 12.1.8)."""
    return _propose(context, Sender(SenderType.NEW_MEMBER_PROPOSAL), own.signer, Add(own.package))


def _propose(context: GroupContext, sender: Sender, signer: SigningKey, proposal: Proposal) -> bytes:
    content = FramedContent(context.group_id, context.epoch, sender, b"", proposal)
    signature = sign(WireFormat.PUBLIC_MESSAGE, content, b"", signer)
    return encode_message(frame_public_message(content, AuthData(signature, None), b"", None))
