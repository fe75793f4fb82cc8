"""A group at one member: the narrow door to the engine.

A `Group` holds one immutable state and replaces it only when an operation has passed all checks, so
whatever raises has changed nothing. It never reads a clock, a file or a socket: times and messages come in
as arguments, bytes to send and events go out. Persist `serialise()` *before* sending what a call has
returned.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from parlour_protocol.mls.codec.presentation import decode
from parlour_protocol.mls.codec.registries import WireFormat
from parlour_protocol.mls.crypto.cipher_suites import CLASSIC, CipherSuite
from parlour_protocol.mls.crypto.primitives import HASH_SIZE, Random, SigningKey, system_random
from parlour_protocol.mls.epoch.epoch import Epoch
from parlour_protocol.mls.epoch.key_schedule import derive_epoch, interim_hash
from parlour_protocol.mls.epoch.message_protection import encrypt_private_message, sign
from parlour_protocol.mls.epoch.psks import NO_PSKS, Psks
from parlour_protocol.mls.epoch.secret_tree import SecretTree
from parlour_protocol.mls.errors import NotForThisGroupError, PolicyError, StateError
from parlour_protocol.mls.group.apply_proposals import check_group_extensions
from parlour_protocol.mls.group.changes import GroupChanges, add_proposal
from parlour_protocol.mls.group.external_commit import ExternalJoin, make_external_commit
from parlour_protocol.mls.group.group_state import State
from parlour_protocol.mls.group.key_package_store import KeyPackageStore, own_leaf
from parlour_protocol.mls.group.process_message import Circumstances, process_message
from parlour_protocol.mls.group.process_welcome import Invitation, TreeSource, process_welcome
from parlour_protocol.mls.group.processed_message import ApplicationMessage, Event
from parlour_protocol.mls.messages.framed_content import AuthData, FramedContent, member
from parlour_protocol.mls.messages.leaf_node import Credential, Extensions, Lifetime
from parlour_protocol.mls.messages.mls_message import (
    GroupContext,
    GroupInfo,
    Welcome,
    encode_message,
    read_message,
)
from parlour_protocol.mls.messages.proposals import PreSharedKey, Remove
from parlour_protocol.mls.tree.ratchet_tree import RatchetTree
from parlour_protocol.mls.validate.leaf_rules import LeafRules, check_all_support
from parlour_protocol.mls.validate.policy import STRICT, Policy


class Group(GroupChanges):
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
        suite: CipherSuite = CLASSIC,
        extensions: Extensions = (),
        leaf_extensions: Extensions = (),
        policy: Policy = STRICT,
        random: Random = system_random,
    ) -> "Group":
        """Found a group with ourselves as its only member (section 11)."""
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
        epoch = process_welcome(Invitation(message, own, tree, psks, policy, existing, old))
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

    def encrypt(self, data: bytes, authenticated_data: bytes = b"") -> bytes:
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
        message, keys = encrypt_private_message(
            content, auth, epoch.message_keys, self.policy.padding, self._random
        )
        self._state = state.with_epoch(epoch.with_keys(keys))
        return encode_message(message)

    def decrypt(self, message: bytes) -> ApplicationMessage:
        """Open an application message; a handshake message is refused, `process` takes both."""
        state, event = process_message(self._state, message, Circumstances(self.policy, NO_PSKS, None))
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
        self._state, event = process_message(self._state, message, Circumstances(self.policy, psks, now))
        return event

    def forget_past_epochs(self, keep: int = 0) -> None:
        """Drop the keys for late messages of all but the last `keep` past epochs."""
        self._state = replace(self._state, past=self._state.past[: max(0, keep)])
