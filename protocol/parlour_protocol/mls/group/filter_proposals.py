"""Which of the proposals that have come go into a commit of ours (RFC 9420 sections 12.2 and 12.4).

All that make a valid list together; where two exclude each other the RFC's preferences decide: a Remove
before an Update, the later Update before the earlier, anything before a ReInit. Also: what of a lost commit
to try again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from parlour_protocol.mls.crypto.primitives import HASH_SIZE, Random, digest
from parlour_protocol.mls.epoch.epoch import Epoch, QueuedProposal
from parlour_protocol.mls.group.group_state import Intent
from parlour_protocol.mls.messages.framed_content import ProposalOrRef, member
from parlour_protocol.mls.messages.leaf_node import encode_extensions
from parlour_protocol.mls.messages.proposals import (
    Add,
    ExternalInit,
    ExternalPskId,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    PskId,
    ReInit,
    Remove,
    ResumptionPskId,
    Update,
)
from parlour_protocol.mls.validate.unusable_keys import unusable_leaves

T = TypeVar("T")

Chosen = Sequence[tuple[ProposalOrRef, QueuedProposal]]


def filter_proposals(
    received: Mapping[bytes, QueuedProposal], own: Sequence[Proposal], epoch: Epoch
) -> Chosen:
    """Give the list for a commit: what came, by reference, then our own, by value, which win.

    Leaves that nobody can encrypt to are removed, whatever else it is for: no path could be made past them.
    """
    alone = any(isinstance(proposal, ReInit) for proposal in own)
    own = own if alone else [*own, *_healing(own, epoch)]
    mine: Chosen = [(proposal, QueuedProposal(proposal, member(epoch.own_leaf))) for proposal in own]
    if alone:
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
    """What a list holds so far, and so must not hold again."""

    own_leaf: int
    leaving: set[int]
    """Leaves that somebody wants removed: their Updates are moot."""
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


def intents(own: Iterable[Proposal], epoch: Epoch) -> tuple[Intent, ...]:
    """Note what our proposals are meant for, before somebody else changes the group."""
    return tuple(Intent(proposal, _guard(proposal, epoch)) for proposal in own)


def _guard(proposal: Proposal, epoch: Epoch) -> bytes:
    """Give what must still be true when a proposal is tried again.

    After the winner's commit the same leaf index may be somebody else, and the extensions may be others.
    """
    if isinstance(proposal, Remove):
        leaf = epoch.tree.leaf(proposal.removed)
        return b"" if leaf is None else leaf.signature_key
    if isinstance(proposal, GroupContextExtensions):
        return digest(encode_extensions(epoch.context.extensions))
    return b""


def still_wanted(lost: Iterable[Intent], epoch: Epoch, random: Random) -> list[Proposal]:
    """Give the proposals of a lost commit that still make sense in this epoch."""
    present = {leaf.signature_key for _, leaf in epoch.tree.members()}
    wanted: list[Proposal] = []
    for intent in lost:
        proposal = intent.proposal
        if isinstance(proposal, Add) and proposal.key_package.leaf_node.signature_key in present:
            continue
        if _guard(proposal, epoch) != intent.guard:
            continue
        wanted.append(_fresh(proposal, random))
    return wanted


def _fresh(proposal: Proposal, random: Random) -> Proposal:
    """Choose a new nonce for a PSK each time that it is injected (section 8.4)."""
    if not isinstance(proposal, PreSharedKey):
        return proposal
    psk = proposal.psk
    if isinstance(psk, ExternalPskId):
        return PreSharedKey(ExternalPskId(psk.psk_id, random(HASH_SIZE)))
    return PreSharedKey(ResumptionPskId(psk.usage, psk.group_id, psk.epoch, random(HASH_SIZE)))
