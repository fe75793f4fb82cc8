"""Groups that continue another one: after a ReInit, or as a branch (RFC 9420 sections 11.2 and 11.3).

Only the joining side's checks are here, and they run only where the policy allows such groups at all;
members are compared by their credentials.
"""

from dataclasses import dataclass

from parlour_protocol.mls.codec.registries import ResumptionUsage
from parlour_protocol.mls.errors import InvalidError, NotAuthorisedError, NotForThisGroupError
from parlour_protocol.mls.messages.leaf_node import Credential
from parlour_protocol.mls.messages.mls_message import GroupContext
from parlour_protocol.mls.messages.proposals import PskId, ReInit, ResumptionPskId
from parlour_protocol.mls.tree.ratchet_tree import RatchetTree

FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Predecessor:
    """What is known of the group that a new one continues."""

    context: GroupContext
    reinit: ReInit | None
    """The ReInit of its last commit, if there was one."""
    credentials: frozenset[Credential]


def check_lineage(
    psks: tuple[PskId, ...], context: GroupContext, tree: RatchetTree, predecessor: Predecessor | None
) -> None:
    """Check a new group against the one that its ReInit or branch PSK names."""
    for psk in psks:
        if isinstance(psk, ResumptionPskId) and psk.usage is not ResumptionUsage.APPLICATION:
            if predecessor is None or predecessor.context.group_id != psk.group_id:
                raise NotForThisGroupError("the group that a new one continues is not at hand")
            if context.epoch != FIRST_EPOCH:
                raise InvalidError("a group that continues another one is not at epoch 1 (section 12.4.3.1)")
            members = frozenset(leaf.credential for _, leaf in tree.members())
            if psk.usage is ResumptionUsage.REINIT:
                _check_reinit(context, members, predecessor)
            else:
                _check_branch(context, members, predecessor)


def _check_reinit(context: GroupContext, members: frozenset[Credential], old: Predecessor) -> None:
    announced = old.reinit
    if announced is None:
        raise InvalidError("the old group was not reinitialised (section 12.4.3.1)")
    if (
        context.group_id != announced.group_id
        or context.version != announced.version
        or context.cipher_suite != announced.cipher_suite
        or context.extensions != announced.extensions
    ):
        raise InvalidError("the new group differs from the ReInit that announced it (section 11.2)")
    if not old.credentials <= members:
        raise NotAuthorisedError("a member of the old group is missing in the new one (section 12.4.3.1)")


def _check_branch(context: GroupContext, members: frozenset[Credential], old: Predecessor) -> None:
    if (context.version, context.cipher_suite) != (old.context.version, old.context.cipher_suite):
        raise InvalidError("a branch has another version or cipher suite than the old group (section 11.3)")
    if not members <= old.credentials:
        raise NotAuthorisedError("a branch has a member that the old group has not (section 11.3)")
