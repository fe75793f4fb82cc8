"""A group at one member: the narrow door to the engine.

A `Group` holds one immutable state and replaces it only when an operation has passed all checks, so
whatever raises has changed nothing. It never reads a clock, a file or a socket: times and messages come in
as arguments, bytes to send and events go out. Persist `serialise()` *before* sending what a call has
returned.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from .apply import Rules, check_group_extensions, check_single
from .choose import choose, intents, still_wanted
from .codec import decode
from .commit import (
    DEFAULT_OPTIONS,
    NO_CHANGE,
    CommitOptions,
    LeafChange,
    frame_proposal,
    make_commit,
)
from .constants import LeafNodeSource, ResumptionUsage, WireFormat
from .content import AuthData, FramedContent, member
from .epoch import Epoch, Item
from .errors import InvalidError, NotForThisGroupError, PolicyError, StateError
from .events import ApplicationMessage, CommitApplied, Event
from .external import ExternalJoin, make_external_commit
from .framing import protect_private, sign
from .hpke import KeyPair
from .join import Invitation, TreeBeside, join
from .key_package import KeyPackage
from .key_store import KeyPackageStore, own_leaf
from .leaf import Credential, Extensions, Lifetime
from .messages import GroupContext, GroupInfo, Welcome, encode_message, read_message
from .policy import STRICT, Policy
from .proposals import (
    Add,
    ExternalPskId,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    Remove,
    ResumptionPskId,
    Update,
)
from .psks import NO_PSKS, Psks
from .receive import Circumstances, accept, proposal_ref, receive, with_proposal
from .schedule import derive_epoch, interim_hash
from .secret_tree import SecretTree
from .state import Pending, State
from .suite import HASH_SIZE, Random, SigningKey, system_random
from .transition import OwnUpdate
from .tree import MAX_LEAVES, RatchetTree
from .validate_leaf import LeafRules, check_all_support
from .view import GroupView


class Group(GroupView):
    """One group, as one member knows it."""

    __slots__ = ()

    # --- beginning ---

    @classmethod
    def create(
        cls,
        group_id: bytes,
        credential: Credential,
        signer: SigningKey,
        lifetime: Lifetime,
        *,
        extensions: Extensions = (),
        leaf_extensions: Extensions = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "Group":
        """Found a group with ourselves as its only member (section 11)."""
        pair = KeyPair.generate(random)
        leaf = own_leaf(credential, signer, lifetime, pair, policy, leaf_extensions)
        check_group_extensions(extensions, policy)
        tree = RatchetTree.of([leaf])
        check_all_support(tree, LeafRules(extensions, policy, None))
        context = GroupContext(group_id, 0, tree.tree_hash, b"", extensions)
        secrets, encryption = derive_epoch(random(HASH_SIZE))
        epoch = Epoch(
            context,
            tree,
            secrets,
            SecretTree.start(1, encryption.reveal()),
            interim_hash(b"", secrets.confirmation_tag(b"")),
            0,
            {0: pair.private},
            signer,
        )
        return cls(State.start(epoch), policy, random)

    @classmethod
    def join(
        cls,
        welcome: bytes,
        store: KeyPackageStore,
        *,
        ratchet_tree: bytes | TreeBeside | None = None,
        psks: Psks = NO_PSKS,
        existing: Collection[bytes] = (),
        predecessor: "Group | None" = None,
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "Group":
        """Join by a Welcome and spend the key package it was for; `existing` are the ids of our groups.

        `ratchet_tree` is the tree that came beside the Welcome, or what gives it once the extensions of the
        group info are known.
        """
        message = read_message(welcome)
        if not isinstance(message, Welcome):
            raise NotForThisGroupError("this message is no Welcome")
        own = store.find(message)
        tree = decode(RatchetTree.read, ratchet_tree) if isinstance(ratchet_tree, bytes) else ratchet_tree
        old = None
        if predecessor is not None:
            old = predecessor.as_predecessor()
            psks = predecessor.lend_resumption(psks)
        epoch = join(Invitation(message, own, tree, psks, policy, existing, old))
        store.spend(own.package)
        return cls(State.start(epoch), policy, random)

    @classmethod
    def join_external(
        cls,
        group_info: bytes,
        key_package: bytes,
        store: KeyPackageStore,
        *,
        ratchet_tree: bytes | None = None,
        psks: Psks = NO_PSKS,
        proposals: Sequence[Remove | PreSharedKey] = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "tuple[bytes, Group]":
        """Let ourselves in (section 12.4.3.2): the commit to send, and the group once it is accepted.

        `key_package` is one of ours from `store` and is spent; `proposals` may remove our own former leaf.
        """
        info = read_message(group_info)
        if not isinstance(info, GroupInfo):
            raise NotForThisGroupError("this message is no group info")
        tree = None if ratchet_tree is None else decode(RatchetTree.read, ratchet_tree)
        own = store.secrets_of(add_proposal(key_package).key_package)
        how = ExternalJoin(info, own, policy, tree, psks, proposals)
        message, epoch = make_external_commit(how, random)
        store.spend(own.package)
        return message, cls(State.start(epoch).remembering(message), policy, random)

    @classmethod
    def restore(cls, blob: bytes, policy: Policy = STRICT, random: Random = system_random) -> "Group":
        """Read back what `serialise` wrote."""
        return cls(State.decode(blob), policy, random)

    # --- messages ---

    def protect(self, data: bytes, authenticated_data: bytes = b"") -> bytes:
        """Encrypt application data for the group; `authenticated_data` travels readable but authenticated."""
        state = self._state
        state.require_active()
        if state.waiting:
            # Section 12.4: else somebody whose removal is proposed would still read what comes.
            raise StateError("proposals wait: commit them before sending (section 12.4)")
        epoch = state.epoch
        context = epoch.context
        content = FramedContent(
            context.group_id, context.epoch, member(epoch.own_leaf), authenticated_data, data
        )
        signature = sign(WireFormat.PRIVATE_MESSAGE, content, context.encode(), epoch.signer)
        auth = AuthData(signature, None)
        message, keys = protect_private(content, auth, epoch.message_keys, self.policy.padding, self._random)
        self._state = replace(state, epoch=replace(epoch, keys=keys))
        return encode_message(message)

    def unprotect(self, message: bytes) -> ApplicationMessage:
        """Open an application message; a handshake message is refused, `process` takes both."""
        state, event = receive(self._state, message, Circumstances(self.policy, NO_PSKS, None))
        if not isinstance(event, ApplicationMessage):
            raise PolicyError("this is a handshake message: give it to `process`")
        self._state = state
        return event

    def process(self, message: bytes, *, now: int | None, psks: Psks = NO_PSKS) -> Event:
        """Take in any message of the group, in the order of the delivery service.

        `now` (seconds since 1970) is what lifetimes of key packages are compared with: give the time at
        which the delivery service took the message in, so that a member that was away for weeks judges as
        the others did; None leaves lifetimes unchecked.
        """
        self._state, event = receive(self._state, message, Circumstances(self.policy, psks, now))
        return event

    def forget_past_epochs(self, keep: int = 0) -> None:
        """Drop the keys for late messages of all but the last `keep` past epochs."""
        self._state = replace(self._state, past=self._state.past[: max(0, keep)])

    # --- proposals ---

    def propose(self, proposal: Proposal, *, now: int, options: CommitOptions = DEFAULT_OPTIONS) -> bytes:
        """Propose a change: the message to send. It waits here, too, for whoever commits first."""
        state = self._state
        state.require_active()
        item = Item(proposal, member(state.epoch.own_leaf))
        check_single(item, state.epoch.tree, state.epoch.context, Rules(self.policy, now))
        encoded, message, keys = frame_proposal(state.epoch, proposal, options, self.policy, self._random)
        after = with_proposal(state, proposal_ref(message), item)
        self._state = replace(after, epoch=replace(state.epoch, keys=keys)).remembering(encoded)
        return encoded

    def propose_update(
        self, change: LeafChange = NO_CHANGE, *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> bytes:
        """Propose fresh keys for our own leaf (section 12.1.2); a commit of ours does that by itself."""
        state = self._state
        state.require_active()
        pair = KeyPair.generate(self._random)
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
    ) -> Pending:
        """Stage a commit of these proposals and of all that wait; it takes effect with `commit_accepted`.

        Send `message`; send `welcome` only when the commit has been accepted, never that of a losing one.
        """
        state = self._state
        state.require_active()
        if state.pending is not None:
            raise StateError("a commit is staged already: wait for the ruling of the delivery service")
        epoch = state.epoch
        chosen = choose(state.waiting, proposals, epoch)
        own_psks = psks.with_group(self.group_id, state.resumption)
        made = make_commit(epoch, chosen, Rules(self.policy, now), own_psks, options, self._random)
        pending = Pending(
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

    def commit_accepted(self) -> CommitApplied:
        """Enter the epoch of the staged commit: the delivery service has accepted it."""
        self._state, event = accept(self._state, self.policy)
        if not isinstance(event, CommitApplied):
            raise StateError("there is no staged commit")
        return event

    def commit_refused(self) -> None:
        """Drop the staged commit: another one has won, or the delivery service wants none; see `retry`."""
        pending = self._state.pending
        if pending is None:
            raise StateError("there is no staged commit")
        self._state = replace(self._state, pending=None, retry=pending.intents)

    def retry(
        self, *, now: int, psks: Psks = NO_PSKS, options: CommitOptions = DEFAULT_OPTIONS
    ) -> Pending | None:
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
    ) -> Pending:
        """Stage a commit that adds the owners of published key packages (MLSMessages)."""
        return self.commit([add_proposal(package) for package in key_packages], now=now, options=options)

    def remove(
        self, indices: Sequence[int], *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> Pending:
        """Stage a commit that removes members."""
        return self.commit([remove_proposal(index) for index in indices], now=now, options=options)

    def set_extensions(
        self, extensions: Extensions, *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> Pending:
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
