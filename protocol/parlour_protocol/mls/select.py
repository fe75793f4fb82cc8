"""Which of the proposals that have come go into a commit of ours (RFC 9420 sections 12.2 and 12.4).

All that make a valid list together; where two exclude each other the RFC's preferences decide: a Remove before an
Update, the later Update before the earlier, anything before a ReInit. Also: what of a lost commit to try again.
"""

from collections.abc import Iterable, Mapping, Sequence

from .content import ProposalOrRef, member
from .epoch import Epoch, Item
from .leaf import encode_extensions
from .proposals import (
    Add,
    ExternalInit,
    ExternalPskId,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    ResumptionPskId,
    Update,
)
from .state import Intent
from .suite import HASH_SIZE, Random, digest

Chosen = list[tuple[ProposalOrRef, Item]]


def choose(received: Mapping[bytes, Item], own: Sequence[Proposal], epoch: Epoch) -> Chosen:
    """Give the list for a commit: what came, by reference, then our own, by value, which win."""
    mine: Chosen = [(proposal, Item(proposal, member(epoch.own_leaf))) for proposal in own]
    if any(isinstance(proposal, ReInit) for proposal in own):
        return mine
    removed = {p.removed for p in own if isinstance(p, Remove)}
    taken = {leaf.signature_key for _, leaf in epoch.tree.members()}
    taken |= {p.key_package.leaf_node.signature_key for p in own if isinstance(p, Add)}
    psks = {p.psk for p in own if isinstance(p, PreSharedKey)}
    extensions = any(isinstance(p, GroupContextExtensions) for p in own)
    for item in received.values():
        if isinstance(item.proposal, Remove):
            removed.add(item.proposal.removed)
    updates = {i.by_member: ref for ref, i in received.items() if isinstance(i.proposal, Update)}
    seen_removed = {p.removed for p in own if isinstance(p, Remove)}
    chosen: Chosen = []
    for ref, item in received.items():
        match item.proposal:
            case Update():
                good = updates[item.by_member] == ref and item.by_member not in {epoch.own_leaf, *removed}
            case Remove(index):
                good = index not in {epoch.own_leaf, *seen_removed}
                seen_removed.add(index)
            case Add(package):
                good = package.leaf_node.signature_key not in taken
                taken.add(package.leaf_node.signature_key)
            case PreSharedKey(psk):
                good = psk not in psks
                psks.add(psk)
            case GroupContextExtensions():
                good, extensions = not extensions, True
            case ReInit() | ExternalInit():
                good = False
        if good:
            chosen.append((ref, item))
    if not chosen and not mine:
        return _reinit_alone(received)
    return chosen + mine


def _reinit_alone(received: Mapping[bytes, Item]) -> Chosen:
    for ref, item in received.items():
        if isinstance(item.proposal, ReInit):
            return [(ref, item)]
    return []


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
