"""Processes a message: returns a new state and an event, or raises and changes nothing.

Keys are used up only in the returned state, which exists only after AEAD, signature and every rule have
passed, so a refused message never uses up a key.
"""

from collections.abc import Mapping
from dataclasses import replace

from parlour_mls.codec import ContentType, SenderType
from parlour_mls.crypto import digest, ref_hash
from parlour_mls.epoch import (
    Epoch,
    Member,
    PastEpoch,
    Psks,
    QueuedProposal,
    SenderData,
    check_public_message,
    check_signature,
    decrypt_private_message,
    decrypt_sender_data,
)
from parlour_mls.errors import (
    MlsError,
    NewerEpochError,
    NotForThisGroupError,
    OlderEpochError,
    OtherCopyError,
    OwnMessageError,
    PolicyError,
    StateError,
)
from parlour_mls.group.apply_proposals import Rules, check_single
from parlour_mls.group.group_state import MAX_PROPOSALS_KEPT, MAX_PROPOSALS_SIZE, State, Status
from parlour_mls.group.process_commit import process_commit
from parlour_mls.group.processed_message import (
    ApplicationMessage,
    CommitApplied,
    Echo,
    Event,
    ProposalReceived,
)
from parlour_mls.messages import (
    AuthenticatedContent,
    Commit,
    PrivateMessage,
    Proposal,
    PublicMessage,
    read_message,
)
from parlour_mls.validate import Policy, check_epoch, check_group, signature_key


def process_message(state: State, data: bytes, rules: Rules, psks: Psks) -> tuple[State, Event]:
    """Process one MLSMessage."""
    known = digest(data)
    if state.pending is not None and known == digest(state.pending.message):
        return merge_pending_commit(state, rules.policy)
    if known in state.echoes:
        return state, Echo()
    message = read_message(data)
    if isinstance(message, PublicMessage):
        return _public(state, message, rules, psks)
    if isinstance(message, PrivateMessage):
        return _private(state, message, rules, psks)
    raise NotForThisGroupError("this message is not sent within a group: a Welcome goes to `Group.join`")


def merge_pending_commit(state: State, policy: Policy) -> tuple[State, CommitApplied]:
    """Enter the epoch of our own staged commit, which the delivery service has accepted."""
    pending = state.pending
    if pending is None:
        raise StateError("there is no staged commit")
    after = state.entered(pending.epoch, pending.reinit, policy).remembering(pending.message)
    reinit = pending.reinit is not None
    return after, CommitApplied(
        pending.outcome,
        own=True,
        lost=False,
        removed_us=False,
        reinit=reinit,
        authenticated_data=pending.authenticated_data,
    )


def _public(state: State, message: PublicMessage, rules: Rules, psks: Psks) -> tuple[State, Event]:
    epoch, content = state.epoch, message.content
    check_group(content.group_id, epoch)
    check_epoch(content.epoch, epoch)
    state.require_active()
    key = signature_key(content, epoch, rules.policy)
    context = epoch.context.encode()
    authenticated = check_public_message(message, context, epoch.secrets.membership)
    check_signature(authenticated, context, key)
    if content.sender.type is SenderType.MEMBER and content.sender.index == epoch.own_leaf:
        raise OtherCopyError("a handshake message of our own came back that we do not know")
    return _handshake(state, authenticated, rules, psks)


def _private(state: State, message: PrivateMessage, rules: Rules, psks: Psks) -> tuple[State, Event]:
    check_group(message.group_id, state.epoch)
    application = message.content_type is ContentType.APPLICATION
    if not application:
        check_epoch(message.epoch, state.epoch)
        state.require_active()
    view = _view(state, message.epoch)
    secret = view.secrets.sender_data if isinstance(view, Epoch) else view.sender_data
    sender = decrypt_sender_data(message, secret, lambda leaf: view.member(leaf) is not None)
    if sender.leaf == view.own_leaf:
        if isinstance(view, Epoch) and not application:
            _refuse_other_copy(message, sender, view, rules.policy)
        raise OwnMessageError("a message of our own came back: its plaintext was kept when it was sent")
    authenticated, keys = decrypt_private_message(message, sender, view.keys, rules.policy.ratchets)
    author = _author(view, sender.leaf)
    context = view.context.encode() if isinstance(view, Epoch) else view.context
    check_signature(authenticated, context, author.signature_key)
    after = _with_keys(state, view.with_keys(keys))
    if isinstance(authenticated.content.body, bytes):
        return after, ApplicationMessage(
            author,
            message.epoch,
            sender.generation,
            authenticated.content.body,
            message.authenticated_data,
        )
    return _handshake(after, authenticated, rules, psks)


def _refuse_other_copy(message: PrivateMessage, sender: SenderData, epoch: Epoch, policy: Policy) -> None:
    """Raise OtherCopyError when our own key has signed a handshake message.

    Any member could name our leaf as the sender; a message that cannot be decrypted, because its key was
    used, proves nothing.
    """
    try:
        authenticated, _ = decrypt_private_message(message, sender, epoch.keys, policy.ratchets)
        check_signature(authenticated, epoch.context.encode(), _author(epoch, sender.leaf).signature_key)
    except MlsError:
        return
    raise OtherCopyError("another copy of this state has made a handshake message")


def _view(state: State, number: int) -> Epoch | PastEpoch:
    for past in state.past:
        if past.number == number:
            return past
    current = state.epoch.context.epoch
    if number > current:
        raise NewerEpochError(f"the message is for epoch {number}, we are at {current}: commits are missing")
    if number < current or state.status is Status.REMOVED:
        raise OlderEpochError(f"the keys of epoch {number} are gone: we are at {current}")
    return state.epoch


def _author(view: Epoch | PastEpoch, leaf: int) -> Member:
    author = view.member(leaf)
    if author is None:
        raise NotForThisGroupError("the sender is not a member")
    return author


def _with_keys(state: State, view: Epoch | PastEpoch) -> State:
    if isinstance(view, Epoch):
        return state.with_epoch(view)
    past = tuple(view if p.number == view.number else p for p in state.past)
    return replace(state, past=past)


def _handshake(state: State, message: AuthenticatedContent, rules: Rules, psks: Psks) -> tuple[State, Event]:
    body = message.content.body
    if isinstance(body, Commit):
        return _commit(state, message, body, rules, psks)
    if isinstance(body, bytes):
        raise StateError("application data is not a handshake message")
    return _proposal(state, message, body, rules)


def _proposal(
    state: State, message: AuthenticatedContent, proposal: Proposal, rules: Rules
) -> tuple[State, Event]:
    item = QueuedProposal(proposal, message.content.sender)
    data = message.content.authenticated_data
    check_single(item, state.epoch.tree, state.epoch.context, data, rules)
    ref = proposal_ref(message)
    event = ProposalReceived(ref, item.sender, proposal, data)
    return with_proposal(state, ref, item), event


def proposal_ref(message: AuthenticatedContent) -> bytes:
    """ProposalRef (section 5.2), by which a commit refers to a proposal."""
    return ref_hash("MLS 1.0 Proposal Reference", message.encode())


def with_proposal(state: State, ref: bytes, item: QueuedProposal) -> State:
    """Keep a proposal for a commit."""
    if len(state.proposals) >= MAX_PROPOSALS_KEPT:
        raise PolicyError(f"more than {MAX_PROPOSALS_KEPT} proposals wait for a commit")
    if sum(len(kept.encode()) for kept in (item, *state.proposals.values())) > MAX_PROPOSALS_SIZE:
        raise PolicyError(f"more than {MAX_PROPOSALS_SIZE} bytes of proposals wait for a commit")
    return replace(state, proposals={**state.proposals, ref: item})


def resolve(
    commit: Commit, proposals: Mapping[bytes, QueuedProposal], message: AuthenticatedContent
) -> tuple[QueuedProposal, ...]:
    """Find the proposals of a commit; those in it are the committer's own (section 12.4)."""
    items: list[QueuedProposal] = []
    for sent in commit.proposals:
        if not isinstance(sent, bytes):
            items.append(QueuedProposal(sent, message.content.sender))
        elif sent in proposals:
            items.append(proposals[sent])
        else:
            raise StateError(
                "a commit refers to a proposal that has not come (or was refused): fetch it first"
            )
    return tuple(items)


def _commit(
    state: State, message: AuthenticatedContent, commit: Commit, rules: Rules, psks: Psks
) -> tuple[State, Event]:
    epoch, policy = state.epoch, rules.policy
    items = resolve(commit, state.proposals, message)
    psks = psks.with_group(epoch.context.group_id, state.resumption)
    done = process_commit(epoch, message, commit, items, rules, psks, state.own_updates)
    lost = state.pending is not None
    if done.epoch is None:
        after = state.removed(policy)
    else:
        after = state.entered(done.epoch, done.applied.reinit, policy)
    return after, CommitApplied(
        done.outcome,
        own=False,
        lost=lost,
        removed_us=done.epoch is None,
        reinit=done.applied.reinit is not None,
        authenticated_data=message.content.authenticated_data,
    )
