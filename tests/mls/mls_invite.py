"""Welcomes as an inviter that means harm makes them: signed and sealed, whatever they say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_world import World, lawless

from parlour_mls import Extension, MlsError, add_proposal
from parlour_mls.codec import RATCHET_TREE, decode
from parlour_mls.epoch import Epoch
from parlour_mls.group import create_commit as commit_module
from parlour_mls.messages import GroupInfo
from parlour_mls.tree import RatchetTree
from parlour_mls.tree.tree_nodes import Node

InfoEdit = Callable[[Epoch, GroupInfo], GroupInfo]


def invite(world: World, edit: InfoEdit | None = None, patches: Mapping[str, Any] | None = None) -> bytes:
    """Stage a commit that adds `guest` and give its Welcome, its group info changed before signing."""
    real = commit_module.group_info

    def forged(epoch: Epoch, **how: Any) -> GroupInfo:
        info = real(epoch, **how)
        return info if edit is None else edit(epoch, info).signed(epoch.signer)

    with lawless({"group.create_commit.group_info": forged, **(patches or {})}):
        guest = world.device("guest").publish(suite=world.suite)
        return world.stage("m0", [add_proposal(guest)]).welcome or b""


def check_refused(world: World, welcome: bytes, error: type[MlsError], why: str, **more: Any) -> None:
    """Check that the guest refuses a Welcome, and keeps its key package."""
    guest = world.device("guest")
    before = guest.store.serialise()
    with pytest.raises(error, match=why or None):
        guest.join(welcome, **more)
    assert guest.store.serialise() == before, "a refused Welcome has spent a key package"


def with_tree(info: GroupInfo, tree: RatchetTree, *, honest_hash: bool = False) -> GroupInfo:
    """Put another tree into the group info, and its hash into the context."""
    context = info.context if honest_hash else replace(info.context, tree_hash=tree.tree_hash)
    return replace(info, context=context, extensions=(Extension(RATCHET_TREE, tree.encode()),))


def changed_nodes(tree: RatchetTree, changes: dict[int, Node]) -> RatchetTree:
    """Replace nodes of a tree without any rule."""
    return RatchetTree.of([changes.get(index, content) for index, content in enumerate(tree.nodes)])


def tree_in(info: GroupInfo) -> RatchetTree:
    """Read the tree that a group info of ours holds."""
    return decode(RatchetTree.read, info.extensions[0].data)
