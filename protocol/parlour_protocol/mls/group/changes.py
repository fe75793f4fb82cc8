"""Changing a group: proposals, and staged commits until the delivery service has ruled on them.

The writing half of `Group`: what members do to the group, as against what they say in it. A commit of ours
takes effect with `merge_pending_commit` and not before; one that has lost is taken up again by `retry`.
"""

from collections.abc import Sequence
from dataclasses import replace

from parlour_protocol.mls.codec.registries import LeafNodeSource, ResumptionUsage
from parlour_protocol.mls.crypto.primitives import HASH_SIZE
from parlour_protocol.mls.epoch.epoch import QueuedProposal
from parlour_protocol.mls.epoch.psks import NO_PSKS, Psks
from parlour_protocol.mls.errors import InvalidError, NotForThisGroupError, StateError
from parlour_protocol.mls.group.apply_proposals import Rules, check_single
from parlour_protocol.mls.group.create_commit import (
    DEFAULT_OPTIONS,
    NO_CHANGE,
    CommitOptions,
    LeafChange,
    create_commit,
    frame_proposal,
)
from parlour_protocol.mls.group.filter_proposals import filter_proposals, intents, still_wanted
from parlour_protocol.mls.group.group_state import PendingCommit
from parlour_protocol.mls.group.process_commit import OwnUpdate
from parlour_protocol.mls.group.process_message import accept, proposal_ref, with_proposal
from parlour_protocol.mls.group.processed_message import CommitApplied
from parlour_protocol.mls.group.view import GroupView
from parlour_protocol.mls.messages.framed_content import member
from parlour_protocol.mls.messages.key_package import KeyPackage
from parlour_protocol.mls.messages.leaf_node import Extensions
from parlour_protocol.mls.messages.mls_message import read_message
from parlour_protocol.mls.messages.proposals import (
    Add,
    ExternalPskId,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    Remove,
    ResumptionPskId,
    Update,
)
from parlour_protocol.mls.tree.ratchet_tree import MAX_LEAVES


class GroupChanges(GroupView):
    """A group's state, and the changes that a member can make to it."""

    __slots__ = ()

    # --- proposals ---

    def propose(self, proposal: Proposal, *, now: int, options: CommitOptions = DEFAULT_OPTIONS) -> bytes:
        """Propose a change: the message to send. It waits here, too, for whoever commits first."""
        state = self._state
        state.require_active()
        item = QueuedProposal(proposal, member(state.epoch.own_leaf))
        data = options.authenticated_data
        check_single(item, state.epoch.tree, state.epoch.context, data, Rules(self.policy, now))
        encoded, message, keys = frame_proposal(state.epoch, proposal, options, self.policy, self._random)
        after = with_proposal(state, proposal_ref(message), item)
        self._state = replace(after, epoch=replace(state.epoch, keys=keys)).remembering(encoded)
        return encoded

    def propose_update(
        self, change: LeafChange = NO_CHANGE, *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> bytes:
        """Propose fresh keys for our own leaf (section 12.1.2); a commit of ours does that by itself."""
        state = self._state
        pair = state.epoch.context.suite.kem.generate(self._random)
        signer = change.signer or state.epoch.signer
        old = state.epoch.own_node()
        leaf = replace(
            change.applied_to(old),
            encryption_key=pair.public,
            source=LeafNodeSource.UPDATE,
            lifetime=None,
            parent_hash=None,
        ).signed(signer, self.group_id, self.own_index)
        encoded = self.propose(Update(leaf), now=now, options=options)
        updates = {**self._state.own_updates, pair.public: OwnUpdate(pair.private, signer)}
        self._state = replace(self._state, own_updates=updates)
        return encoded

    def external_psk(self, psk_id: bytes) -> PreSharedKey:
        """Name a key of the application's, with the fresh nonce that section 8.4 asks for."""
        return PreSharedKey(ExternalPskId(psk_id, self._random(HASH_SIZE)))

    def resumption_psk(self, epoch: int) -> PreSharedKey:
        """Name the resumption secret of a past epoch of this group (section 8.6)."""
        usage = ResumptionUsage.APPLICATION
        return PreSharedKey(ResumptionPskId(usage, self.group_id, epoch, self._random(HASH_SIZE)))

    def set_aside_proposals(self) -> None:
        """Leave the proposals that wait out of our commits, as when no valid commit can be made of them.

        They are still known: somebody else may commit them, and we must be able to follow.
        """
        self._state = replace(self._state, set_aside=frozenset(self._state.proposals))

    # --- commits ---

    def commit(
        self,
        proposals: Sequence[Proposal] = (),
        *,
        now: int,
        psks: Psks = NO_PSKS,
        options: CommitOptions = DEFAULT_OPTIONS,
    ) -> PendingCommit:
        """Stage a commit of these proposals and of all that wait; `merge_pending_commit` merges it.

        Send `message`; send `welcome` only when the commit has been accepted, never that of a losing one.
        """
        state = self._state
        state.require_active()
        if state.pending is not None:
            raise StateError("a commit is staged already: wait for the ruling of the delivery service")
        epoch = state.epoch
        chosen = filter_proposals(state.waiting, proposals, epoch)
        own_psks = psks.with_group(self.group_id, state.resumption)
        made = create_commit(epoch, chosen, Rules(self.policy, now), own_psks, options, self._random)
        pending = PendingCommit(
            made.message,
            made.welcome,
            made.epoch,
            made.outcome,
            intents(proposals, epoch),
            made.applied.reinit,
            options.authenticated_data,
        )
        self._state = replace(state, epoch=replace(epoch, keys=made.keys), pending=pending)
        return pending

    def merge_pending_commit(self) -> CommitApplied:
        """Enter the epoch of the staged commit: the delivery service has accepted it."""
        self._state, event = accept(self._state, self.policy)
        if not isinstance(event, CommitApplied):
            raise StateError("there is no staged commit")
        return event

    def clear_pending_commit(self) -> None:
        """Drop the staged commit: another one has won, or the delivery service wants none; see `retry`."""
        pending = self._state.pending
        if pending is None:
            raise StateError("there is no staged commit")
        self._state = replace(self._state, pending=None, retry=pending.intents)

    def retry(
        self, *, now: int, psks: Psks = NO_PSKS, options: CommitOptions = DEFAULT_OPTIONS
    ) -> PendingCommit | None:
        """Stage anew what a lost or refused commit was about, as far as it still makes sense here.

        Gives None when nothing of it is left to do. A Remove whose target has left, an Add of somebody who
        is in, and extensions meant to replace others than those now in force are dropped. A commit of fresh
        keys alone leaves nothing to retry: make another.
        """
        wanted = still_wanted(self._state.retry, self._state.epoch, self._random)
        if not wanted and not self._state.waiting:
            self._state = replace(self._state, retry=())
            return None
        pending = self.commit(wanted, now=now, psks=psks, options=options)
        self._state = replace(self._state, retry=())
        return pending

    def add(
        self, key_packages: Sequence[bytes], *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> PendingCommit:
        """Stage a commit that adds the owners of published key packages (MLSMessages)."""
        return self.commit([add_proposal(package) for package in key_packages], now=now, options=options)

    def remove(
        self, indices: Sequence[int], *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> PendingCommit:
        """Stage a commit that removes members."""
        return self.commit([remove_proposal(index) for index in indices], now=now, options=options)

    def set_extensions(
        self, extensions: Extensions, *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> PendingCommit:
        """Stage a commit that replaces the group's extensions, all of them."""
        return self.commit([GroupContextExtensions(extensions)], now=now, options=options)


def add_proposal(key_package: bytes) -> Add:
    """Make an Add of a published key package (MLSMessage)."""
    package = read_message(key_package)
    if not isinstance(package, KeyPackage):
        raise NotForThisGroupError("this message is no key package")
    return Add(package)


def remove_proposal(index: int) -> Remove:
    """Make a Remove of the member at that leaf."""
    if not 0 <= index < MAX_LEAVES:
        raise InvalidError(f"there is no leaf {index}")
    return Remove(index)
