"""Which of the proposals that have come go into a commit of ours (RFC 9420 sections 12.2 and 12.4).

All that make a valid list together; where two exclude each other the RFC's preferences decide: a Remove
before an Update, the later Update before the earlier, anything before a ReInit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from parlour_mls.epoch import Epoch, QueuedProposal
from parlour_mls.messages import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ProposalOrRef,
    PskId,
    ReInit,
    Remove,
    Update,
    member,
)
from parlour_mls.validate import unusable_leaves

T = TypeVar("T")

Chosen = Sequence[tuple[ProposalOrRef, QueuedProposal]]


def filter_proposals(
    received: Mapping[bytes, QueuedProposal], own: Sequence[Proposal], epoch: Epoch
) -> Chosen:
    """Give the list for a commit: what came, by reference, then our own, by value, which win.

    Leaves that no one can encrypt to are removed, whatever else it is for: no path could be made past them.
    """
    reinit = any(isinstance(proposal, ReInit) for proposal in own)
    own = own if reinit else [*own, *_healing(own, epoch)]
    mine: Chosen = [(proposal, QueuedProposal(proposal, member(epoch.own_leaf))) for proposal in own]
    if reinit:
        return mine
    seen = _Seen.start(received, own, epoch)
    chosen: Chosen = [(ref, item) for ref, item in received.items() if seen.takes(ref, item)]
    return [*chosen, *mine] or _reinit_alone(received)


def _healing(own: Sequence[Proposal], epoch: Epoch) -> list[Remove]:
    already = {p.removed for p in own if isinstance(p, Remove)}
    return [Remove(leaf) for leaf in sorted(unusable_leaves(epoch.tree) - already - {epoch.own_leaf})]


def _reinit_alone(received: Mapping[bytes, QueuedProposal]) -> Chosen:
    return [(ref, item) for ref, item in received.items() if isinstance(item.proposal, ReInit)][:1]


@dataclass(slots=True)
class _Seen:
    """The contents of a list so far, to find duplicates."""

    own_leaf: int
    leaving: set[int]
    """Leaves that someone wants removed: their Updates are moot."""
    updates: dict[int | None, bytes]
    """The latest Update of each member."""
    removed: set[int]
    clients: set[bytes]
    psks: set[PskId]
    extensions: bool

    @classmethod
    def start(
        cls, received: Mapping[bytes, QueuedProposal], own: Sequence[Proposal], epoch: Epoch
    ) -> "_Seen":
        proposals = [*own, *(item.proposal for item in received.values())]
        return cls(
            epoch.own_leaf,
            {p.removed for p in proposals if isinstance(p, Remove)},
            {i.by_member: ref for ref, i in received.items() if isinstance(i.proposal, Update)},
            {p.removed for p in own if isinstance(p, Remove)},
            {leaf.signature_key for _, leaf in epoch.tree.members()}
            | {p.key_package.leaf_node.signature_key for p in own if isinstance(p, Add)},
            {p.psk for p in own if isinstance(p, PreSharedKey)},
            any(isinstance(p, GroupContextExtensions) for p in own),
        )

    def takes(self, ref: bytes, item: QueuedProposal) -> bool:
        """Tell whether a proposal can join the list, and count it if so."""
        match item.proposal:
            case Update():
                latest = self.updates[item.by_member] == ref
                return latest and item.by_member not in {self.own_leaf, *self.leaving}
            case Remove(index):
                return index != self.own_leaf and _add_new(self.removed, index)
            case Add(package):
                return _add_new(self.clients, package.leaf_node.signature_key)
            case PreSharedKey(psk):
                return _add_new(self.psks, psk)
            case GroupContextExtensions():
                first, self.extensions = not self.extensions, True
                return first
            case ReInit() | ExternalInit():
                return False


def _add_new(values: set[T], value: T) -> bool:
    if value in values:
        return False
    values.add(value)
    return True
