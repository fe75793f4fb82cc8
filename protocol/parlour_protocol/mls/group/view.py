"""What can be seen of a group without changing it: members, epoch, secrets for export.

The reading half of `Group`; it holds the one immutable state and never replaces it.
"""

from typing import Self

from parlour_protocol.mls.crypto.cipher_suites import CipherSuite
from parlour_protocol.mls.crypto.primitives import Random, system_random
from parlour_protocol.mls.crypto.secret_bytes import Secret
from parlour_protocol.mls.epoch.epoch import Member, QueuedProposal
from parlour_protocol.mls.epoch.psks import Psks
from parlour_protocol.mls.group.create_commit import group_info
from parlour_protocol.mls.group.group_state import PendingCommit, State, Status
from parlour_protocol.mls.messages.mls_message import GroupContext, encode_message
from parlour_protocol.mls.tree.ratchet_tree import RatchetTree
from parlour_protocol.mls.validate.policy import STRICT, Policy
from parlour_protocol.mls.validate.resumption_rules import Predecessor


class GroupView:
    """A group's state, to look at."""

    __slots__ = ("_random", "_state", "policy")

    def __init__(self, state: State, policy: Policy = STRICT, random: Random = system_random) -> None:
        self._state = state
        self.policy = policy
        self._random = random

    def __copy__(self) -> Self:
        """Give another group in the same state; what one does next, the other does not."""
        return type(self)(self._state, self.policy, self._random)

    def serialise(self) -> bytes:
        """Write the whole state, keys in clear: encrypt it at rest. Nothing consumed is in it."""
        return self._state.encode()

    @property
    def group_id(self) -> bytes:
        """Id of the group."""
        return self._state.epoch.context.group_id

    @property
    def epoch(self) -> int:
        """Number of the current epoch."""
        return self._state.epoch.context.epoch

    @property
    def context(self) -> GroupContext:
        """What all members agree on: hashes, extensions."""
        return self._state.epoch.context

    @property
    def suite(self) -> CipherSuite:
        """The cipher suite of the group, for its whole life."""
        return self.context.suite

    @property
    def status(self) -> Status:
        """Whether the group is alive, closed, or has removed us."""
        return self._state.status

    @property
    def own_index(self) -> int:
        """Index of our leaf."""
        return self._state.epoch.own_leaf

    def members(self) -> tuple[Member, ...]:
        """Everybody in the group, ourselves included."""
        return self._state.epoch.members()

    @property
    def tree(self) -> RatchetTree:
        """The public tree, leaves with their extensions included."""
        return self._state.epoch.tree

    def ratchet_tree(self) -> bytes:
        """Give the tree to hand to newcomers beside a Welcome (section 12.4.3.3)."""
        return self._state.epoch.tree.encode()

    @property
    def epoch_authenticator(self) -> bytes:
        """Equal at two members if and only if they are in the same group and epoch (section 8.7)."""
        self._state.require_member()
        return self._state.epoch.secrets.authenticator.reveal()

    def export(self, label: str, context: bytes, length: int) -> Secret:
        """Derive a secret for use outside of MLS, bound to this epoch (section 8.5)."""
        self._state.require_member()
        return self._state.epoch.secrets.export(label, context, length)

    def group_info(self, *, ratchet_tree: bool = True, external_pub: bool = True) -> bytes:
        """Make a signed GroupInfo (MLSMessage), by which somebody may join from outside (section 12.4.3)."""
        self._state.require_active()
        info = group_info(self._state.epoch, tree=ratchet_tree, external_pub=external_pub)
        return encode_message(info)

    @property
    def pending_commit(self) -> PendingCommit | None:
        """Our staged commit, if the delivery service has not ruled on it yet."""
        return self._state.pending

    @property
    def proposals(self) -> dict[bytes, QueuedProposal]:
        """Proposals of this epoch that wait for a commit of ours, by reference."""
        return self._state.waiting

    def lend_resumption(self, psks: Psks) -> Psks:
        """Add this group's resumption secrets to the keys for joining another group (section 8.6)."""
        return psks.with_group(self.group_id, self._state.resumption)

    def as_predecessor(self) -> Predecessor:
        """Describe this group to one that continues it (sections 11.2 and 11.3)."""
        credentials = frozenset(m.credential for m in self.members())
        return Predecessor(self.context, self._state.reinit, credentials)
