"""A group as one member knows it: the public interface of the engine.

A `Group` holds one immutable state and replaces it only when an operation has passed all checks, so a call
that raises changes nothing. It uses no clock, file or socket: times and messages are arguments, bytes to send
and events are results. Persist `serialise()` *before* sending the result of a call. A commit of ours
takes effect once the delivery service has accepted it (`merge_pending_commit`).
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Self

from parlour_mls.codec import LeafNodeSource, WireFormat, decode
from parlour_mls.crypto import (
    CLASSIC,
    HASH_SIZE,
    CipherSuite,
    Random,
    Secret,
    SigningKey,
    system_random,
)
from parlour_mls.epoch import (
    NO_PSKS,
    Epoch,
    Member,
    Psks,
    QueuedProposal,
    SecretTree,
    derive_epoch,
    encrypt_private_message,
    interim_hash,
    sign,
)
from parlour_mls.errors import InvalidError, NotForThisGroupError, PolicyError, StateError
from parlour_mls.group.apply_proposals import Rules, check_group_extensions, check_single
from parlour_mls.group.create_commit import (
    DEFAULT_OPTIONS,
    NO_CHANGE,
    CommitOptions,
    LeafChange,
    create_commit,
    frame_proposal,
    group_info,
)
from parlour_mls.group.filter_proposals import filter_proposals
from parlour_mls.group.group_state import PendingCommit, State, Status
from parlour_mls.group.key_package_store import KeyPackageStore, own_leaf
from parlour_mls.group.process_commit import OwnUpdate
from parlour_mls.group.process_message import (
    merge_pending_commit,
    process_message,
    proposal_ref,
    with_proposal,
)
from parlour_mls.group.process_welcome import TreeSource, process_welcome
from parlour_mls.group.processed_message import ApplicationMessage, CommitApplied, Event
from parlour_mls.messages import (
    Add,
    AuthData,
    Credential,
    Extensions,
    FramedContent,
    GroupContext,
    KeyPackage,
    Lifetime,
    Proposal,
    Remove,
    Update,
    Welcome,
    encode_message,
    member,
    read_message,
)
from parlour_mls.tree import MAX_LEAVES, RatchetTree
from parlour_mls.validate import STRICT, LeafRules, Policy, check_all_support


class Group:
    """One group, as one member knows it."""

    __slots__ = ("_random", "policy", "state")

    def __init__(self, state: State, policy: Policy = STRICT, random: Random = system_random) -> None:
        self.state = state
        self.policy = policy
        self._random = random

    def __copy__(self) -> Self:
        """Give another group in the same state; what one does next, the other does not."""
        return type(self)(self.state, self.policy, self._random)

    # --- beginning ---

    @classmethod
    def create(
        cls,
        group_id: bytes,
        credential: Credential,
        signer: SigningKey,
        lifetime: Lifetime,
        *,
        suite: CipherSuite = CLASSIC,
        extensions: Extensions = (),
        leaf_extensions: Extensions = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "Group":
        """Create a group with ourselves as its only member (section 11)."""
        pair = suite.kem.generate(random)
        leaf = own_leaf(credential, signer, lifetime, pair, policy, suite, leaf_extensions)
        check_group_extensions(extensions, policy)
        tree = RatchetTree.of([leaf])
        check_all_support(tree, LeafRules(extensions, policy, None, suite))
        context = GroupContext(group_id, 0, tree.tree_hash, b"", extensions, cipher_suite=suite.number)
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
        ratchet_tree: bytes | TreeSource | None = None,
        psks: Psks = NO_PSKS,
        existing: Collection[bytes] = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "Group":
        """Join by a Welcome and spend the key package it was for; `existing` are the ids of our groups.

        `ratchet_tree` is the tree that came beside the Welcome, or what gives it once the extensions of the
        group info are known.
        """
        message = read_message(welcome)
        if not isinstance(message, Welcome):
            raise NotForThisGroupError("this message is not a Welcome")
        own = store.find(message)
        tree = decode(RatchetTree.read, ratchet_tree) if isinstance(ratchet_tree, bytes) else ratchet_tree
        epoch = process_welcome(message, own, tree, psks, policy, existing)
        store.spend(own.package)
        return cls(State.start(epoch), policy, random)

    @classmethod
    def restore(cls, blob: bytes, policy: Policy = STRICT, random: Random = system_random) -> "Group":
        """Read back what `serialise` wrote."""
        return cls(State.decode(blob), policy, random)

    def serialise(self) -> bytes:
        """Write the whole state, keys in clear: encrypt it at rest. Nothing consumed is in it."""
        return self.state.encode()

    # --- what can be seen of it ---

    @property
    def group_id(self) -> bytes:
        """Id of the group."""
        return self.state.epoch.context.group_id

    @property
    def epoch(self) -> int:
        """Number of the current epoch."""
        return self.state.epoch.context.epoch

    @property
    def context(self) -> GroupContext:
        """The state that all members agree on: hashes, extensions."""
        return self.state.epoch.context

    @property
    def suite(self) -> CipherSuite:
        """The cipher suite of the group, for its whole life."""
        return self.context.suite

    @property
    def status(self) -> Status:
        """Whether the group is alive, closed, or has removed us."""
        return self.state.status

    @property
    def own_index(self) -> int:
        """Index of our leaf."""
        return self.state.epoch.own_leaf

    def members(self) -> tuple[Member, ...]:
        """Everyone in the group, ourselves included."""
        return self.state.epoch.members()

    @property
    def tree(self) -> RatchetTree:
        """The public tree, leaves with their extensions included."""
        return self.state.epoch.tree

    def ratchet_tree(self) -> bytes:
        """Give the tree to hand to newcomers beside a Welcome (section 12.4.3.3)."""
        return self.state.epoch.tree.encode()

    @property
    def epoch_authenticator(self) -> bytes:
        """Equal at two members if and only if they are in the same group and epoch (section 8.7)."""
        self.state.require_member()
        return self.state.epoch.secrets.authenticator.reveal()

    def export(self, label: str, context: bytes, length: int) -> Secret:
        """Derive a secret for use outside of MLS, bound to this epoch (section 8.5)."""
        self.state.require_member()
        return self.state.epoch.secrets.export(label, context, length)

    def group_info(self, *, ratchet_tree: bool = True, external_pub: bool = True) -> bytes:
        """Make a signed GroupInfo (MLSMessage), by which someone may join from outside (section 12.4.3)."""
        self.state.require_active()
        info = group_info(self.state.epoch, tree=ratchet_tree, external_pub=external_pub)
        return encode_message(info)

    @property
    def pending_commit(self) -> PendingCommit | None:
        """Our staged commit, if the delivery service has not ruled on it yet."""
        return self.state.pending

    @property
    def proposals(self) -> dict[bytes, QueuedProposal]:
        """Proposals of this epoch that wait for a commit of ours, by reference."""
        return self.state.waiting

    # --- messages ---

    def encrypt(self, data: bytes, authenticated_data: bytes = b"") -> bytes:
        """Encrypt application data for the group; `authenticated_data` travels readable but authenticated."""
        state = self.state
        state.require_active()
        if state.waiting:
            # Section 12.4: else someone whose removal is proposed would still read what comes.
            raise StateError("proposals wait: commit them before sending (section 12.4)")
        epoch = state.epoch
        context = epoch.context
        content = FramedContent(
            context.group_id, context.epoch, member(epoch.own_leaf), authenticated_data, data
        )
        signature = sign(WireFormat.PRIVATE_MESSAGE, content, context.encode(), epoch.signer)
        auth = AuthData(signature, None)
        message, keys = encrypt_private_message(
            content, auth, epoch.message_keys, self.policy.padding, self._random
        )
        self.state = state.with_epoch(epoch.with_keys(keys))
        return encode_message(message)

    def decrypt(self, message: bytes) -> ApplicationMessage:
        """Decrypt an application message; a handshake message is refused, `process` takes both."""
        state, event = process_message(self.state, message, Rules(self.policy, None), NO_PSKS)
        if not isinstance(event, ApplicationMessage):
            raise PolicyError("this is a handshake message: give it to `process`")
        self.state = state
        return event

    def process(self, message: bytes, *, now: int | None, psks: Psks = NO_PSKS) -> Event:
        """Process any message of the group, in the order of the delivery service.

        `now` (seconds since 1970) is what lifetimes of key packages are compared with: give the time at
        which the delivery service took the message in, so that a member that was away for weeks judges as
        the others did; None leaves lifetimes unchecked.
        """
        self.state, event = process_message(self.state, message, Rules(self.policy, now), psks)
        return event

    def forget_past_epochs(self, keep: int = 0) -> None:
        """Drop the keys for late messages of all but the last `keep` past epochs."""
        self.state = replace(self.state, past=self.state.past[: max(0, keep)])

    # --- proposals ---

    def propose(self, proposal: Proposal, *, now: int, options: CommitOptions = DEFAULT_OPTIONS) -> bytes:
        """Propose a change: the message to send. It waits here, too, for the first commit."""
        state = self.state
        state.require_active()
        item = QueuedProposal(proposal, member(state.epoch.own_leaf))
        data = options.authenticated_data
        check_single(item, state.epoch.tree, state.epoch.context, data, Rules(self.policy, now))
        encoded, message, keys = frame_proposal(state.epoch, proposal, options, self.policy, self._random)
        after = with_proposal(state, proposal_ref(message), item)
        self.state = replace(after, epoch=replace(state.epoch, keys=keys)).remembering(encoded)
        return encoded

    def propose_update(
        self, change: LeafChange = NO_CHANGE, *, now: int, options: CommitOptions = DEFAULT_OPTIONS
    ) -> bytes:
        """Propose fresh keys for our own leaf (section 12.1.2); a commit of ours does that by itself."""
        state = self.state
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
        updates = {**self.state.own_updates, pair.public: OwnUpdate(pair.private, signer)}
        self.state = replace(self.state, own_updates=updates)
        return encoded

    def set_aside_proposals(self) -> None:
        """Leave pending proposals out of our commits, for example if they make no valid commit.

        They are kept, because someone else may commit them.
        """
        self.state = replace(self.state, set_aside=frozenset(self.state.proposals))

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
        state = self.state
        state.require_active()
        if state.pending is not None:
            raise StateError("a commit is staged already: wait for the answer of the delivery service")
        epoch = state.epoch
        chosen = filter_proposals(state.waiting, proposals, epoch)
        own_psks = psks.with_group(self.group_id, state.resumption)
        made = create_commit(epoch, chosen, Rules(self.policy, now), own_psks, options, self._random)
        pending = PendingCommit(
            made.message,
            made.welcome,
            made.epoch,
            made.outcome,
            made.applied.reinit,
            options.authenticated_data,
        )
        self.state = replace(state, epoch=replace(epoch, keys=made.keys), pending=pending)
        return pending

    def merge_pending_commit(self) -> CommitApplied:
        """Enter the epoch of the staged commit: the delivery service has accepted it."""
        self.state, event = merge_pending_commit(self.state, self.policy)
        return event

    def clear_pending_commit(self) -> None:
        """Drop the staged commit: another one has won, or the delivery service refused it."""
        if self.state.pending is None:
            raise StateError("there is no staged commit")
        self.state = replace(self.state, pending=None)


def add_proposal(key_package: bytes) -> Add:
    """Make an Add of a published key package (MLSMessage)."""
    package = read_message(key_package)
    if not isinstance(package, KeyPackage):
        raise NotForThisGroupError("this message is not a key package")
    return Add(package)


def remove_proposal(index: int) -> Remove:
    """Make a Remove of the member at that leaf."""
    if not 0 <= index < MAX_LEAVES:
        raise InvalidError(f"there is no leaf {index}")
    return Remove(index)
