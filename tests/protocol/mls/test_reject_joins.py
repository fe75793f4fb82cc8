"""Attacks on newcomers: one for each check that RFC 9420 section 12.4.3.1 asks of a Welcome and its tree."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.protocol.mls.mls_world import GROUP_ID, LIFETIME, NOW, World, lawless

from parlour_protocol.mls import (
    AuthenticationError,
    Capabilities,
    Credential,
    Extension,
    Group,
    InvalidError,
    MalformedError,
    MlsError,
    NotAuthorisedError,
    NotForThisGroupError,
    Policy,
    PolicyError,
    Psks,
    ReInit,
    Secret,
    SigningKey,
    UnknownPskError,
    add_proposal,
)
from parlour_protocol.mls import commit as commit_module
from parlour_protocol.mls.codec import Reader, decode, vec
from parlour_protocol.mls.constants import RATCHET_TREE, ResumptionUsage
from parlour_protocol.mls.epoch import Epoch
from parlour_protocol.mls.messages import GroupInfo, GroupSecrets, Welcome, encode_message, read_message
from parlour_protocol.mls.nodes import Node, ParentNode
from parlour_protocol.mls.proposals import PreSharedKey, ResumptionPskId
from parlour_protocol.mls.tree import RatchetTree

InfoEdit = Callable[[Epoch, GroupInfo], GroupInfo]


def invite(world: World, edit: InfoEdit | None = None, **patches: Any) -> bytes:
    """Stage a commit that adds `guest` and give its Welcome, its group info changed before signing."""
    real = commit_module.group_info
    if edit is not None:
        changed = edit
        patches["commit__group_info"] = lambda epoch, **how: changed(epoch, real(epoch, **how)).signed(
            epoch.signer
        )
    with lawless(**patches):
        return world.stage("m0", [add_proposal(world.device("guest").publish())]).welcome or b""


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


def _parent(tree: RatchetTree, node: int) -> ParentNode:
    found = tree.parent(node)
    assert found is not None
    return found


def _edit_parent(tree: RatchetTree, **changes: Any) -> RatchetTree:
    return changed_nodes(tree, {tree.root: replace(_parent(tree, tree.root), **changes)})


def _same_signature_key(tree: RatchetTree) -> RatchetTree:
    one, other = tree.leaf(1), tree.leaf(2)
    assert one is not None
    assert other is not None
    return changed_nodes(tree, {4: replace(other, signature_key=one.signature_key)})


def _unlisted_between(tree: RatchetTree) -> RatchetTree:
    """List leaf 4 as unmerged at the root although the node between does not."""
    lower = ParentNode(bytes(range(32)), b"")
    root = replace(_parent(tree, tree.root), unmerged_leaves=(4,))
    return changed_nodes(tree, {tree.root: root, 11: lower})


def _other_credential(tree: RatchetTree) -> RatchetTree:
    """Put in somebody whose own leaf is in order, and whom the others cannot judge."""
    key, old = SigningKey(Secret(bytes(32))), tree.leaf(3)
    assert old is not None
    both = Capabilities(credentials=(1, 7))
    leaf = replace(old, credential=Credential(7, b"?"), capabilities=both).signed(key, GROUP_ID, 3)
    blank = dict.fromkeys(range(1, len(tree.nodes), 2))
    return changed_nodes(tree, {**blank, 6: leaf})


TREES: dict[str, tuple[Callable[[RatchetTree], RatchetTree], type[MlsError], str]] = {
    "another root key": (
        lambda t: _edit_parent(t, encryption_key=bytes(range(32))),
        InvalidError,
        "parent-hash valid",
    ),
    "another root parent hash": (
        lambda t: _edit_parent(t, parent_hash=bytes(32)),
        InvalidError,
        "parent-hash valid",
    ),
    "a parent that nobody made": (
        lambda t: changed_nodes(t, {5: ParentNode(bytes(range(32)), b"")}),
        InvalidError,
        "parent-hash valid",
    ),
    "a member hidden from the root": (
        lambda t: _edit_parent(t, unmerged_leaves=(1,)),
        InvalidError,
        "does not list it|parent-hash valid",
    ),
    "a blank unmerged leaf": (lambda t: _edit_parent(t, unmerged_leaves=(7,)), InvalidError, "unmerged leaf"),
    "an unmerged leaf outside": (lambda t: _edit_parent(t, unmerged_leaves=(99,)), InvalidError, "unmerged"),
    "unmerged in between": (_unlisted_between, InvalidError, "between"),
    "a parent with a leaf's key": (
        lambda t: _edit_parent(t, encryption_key=next(t.members())[1].encryption_key),
        InvalidError,
        "same encryption key",
    ),
    "one signature key twice": (_same_signature_key, InvalidError, "same signature key"),
    "a leaf that was changed": (
        lambda t: changed_nodes(t, {0: replace(t.nodes[0], credential=Credential.basic(b"x"))}),  # type: ignore[type-var, arg-type]
        AuthenticationError,
        "leaf node",
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_forged_trees(name: str) -> None:
    """Sections 7.9.2 and 12.4.3.1: a tree that an insider has tampered with is refused."""
    edit, error, why = TREES[name]
    world = World(5)
    welcome = invite(world, lambda _, info: with_tree(info, edit(_tree(info))))
    check_refused(world, welcome, error, why)


def test_a_tree_with_a_credential_type_that_not_all_know() -> None:
    """Section 7.3: every credential type in use is supported by everybody in the tree."""
    world = World(5, policy=Policy(validate_credential=lambda _: None))
    welcome = invite(world, lambda _, info: with_tree(info, _other_credential(_tree(info))))
    check_refused(world, welcome, InvalidError, "credential type that is in use")


def _tree(info: GroupInfo) -> RatchetTree:
    return decode(RatchetTree.read, info.extensions[0].data)


def _raw_tree(data: bytes) -> InfoEdit:
    return lambda _, info: replace(info, extensions=(Extension(RATCHET_TREE, data),))


INFOS: dict[str, tuple[InfoEdit, type[MlsError], str]] = {
    "a tree of another hash": (
        lambda e, i: with_tree(i, e.tree.with_removed(1), honest_hash=True),
        AuthenticationError,
        "not the one of the group",
    ),
    "no tree": (lambda _, i: replace(i, extensions=()), InvalidError, "neither in the group info"),
    "an empty tree": (_raw_tree(vec(b"")), InvalidError, "empty"),
    "a tree that ends blank": (lambda e, i: _raw_tree(_longer(e))(e, i), InvalidError, "ends in a blank"),
    "a parent where a leaf belongs": (
        _raw_tree(vec(b"\x01\x02" + ParentNode(bytes(32), b"").encode())),
        InvalidError,
        "where a parent belongs",
    ),
    "a tree that cannot be read": (_raw_tree(b"\xff"), MalformedError, ""),
    "a blank signer": (lambda _, i: replace(i, signer=7), InvalidError, "blank leaf"),
    "a signer far outside": (lambda _, i: replace(i, signer=0xFFFFFFFF), InvalidError, "blank leaf"),
    "another signer": (lambda _, i: replace(i, signer=1), AuthenticationError, "group info"),
    "another confirmation tag": (
        lambda _, i: replace(i, confirmation_tag=bytes(32)),
        AuthenticationError,
        "confirmation tag",
    ),
    "an empty confirmation tag": (
        lambda _, i: replace(i, confirmation_tag=b""),
        AuthenticationError,
        "confirmation tag",
    ),
    "a cut confirmation tag": (
        lambda _, i: replace(i, confirmation_tag=i.confirmation_tag[:31]),
        AuthenticationError,
        "confirmation tag",
    ),
    "another epoch": (
        lambda _, i: replace(i, context=replace(i.context, epoch=9)),
        AuthenticationError,
        "confirmation tag",
    ),
    "another suite": (
        lambda _, i: replace(i, context=replace(i.context, cipher_suite=1)),
        NotForThisGroupError,
        "cipher suite",
    ),
    "an extension we do not support": (
        lambda _, i: replace(i, context=replace(i.context, extensions=(Extension(0xF0C0, b""),))),
        InvalidError,
        "does not support group extension",
    ),
    "a tree without us": (
        lambda e, i: with_tree(i, e.tree.with_removed(3)),
        InvalidError,
        "does not hold the leaf|parent-hash",
    ),
}


def _longer(epoch: Epoch) -> bytes:
    return vec(Reader(epoch.tree.encode()).vec() + b"\x00")


@pytest.mark.parametrize("name", INFOS)
def test_forged_group_infos(name: str) -> None:
    """Section 12.4.3.1: what an inviter says is checked before it is believed."""
    edit, error, why = INFOS[name]
    world = World(3)
    check_refused(world, invite(world, edit), error, why)


def test_a_group_info_that_somebody_else_signed() -> None:
    """Section 12.4.3.1: the signature is of the leaf `signer`."""
    world = World(3)
    real = commit_module.group_info
    signer = world.devices["m1"].signer
    welcome = invite(world, commit__group_info=lambda e, **how: real(e, **how).signed(signer))
    check_refused(world, welcome, AuthenticationError, "group info")


def test_welcomes_for_others() -> None:
    """A Welcome for another key package, another suite, or damaged, opens nothing."""
    world = World(2)
    message = read_message(invite(world))
    assert isinstance(message, Welcome)
    (secrets,) = message.secrets
    for changed, error, why in (
        (replace(message, secrets=()), NotForThisGroupError, "none of our key packages"),
        (
            replace(message, secrets=(replace(secrets, new_member=bytes(32)),)),
            NotForThisGroupError,
            "none of our",
        ),
        (replace(message, cipher_suite=1), NotForThisGroupError, "cipher suite"),
        (replace(message, encrypted_group_info=bytes(99)), AuthenticationError, "does not open"),
    ):
        check_refused(world, encode_message(changed), error, why)


def _secrets(edit: Callable[[GroupSecrets], GroupSecrets]) -> Callable[..., GroupSecrets]:
    return lambda *of: edit(GroupSecrets(*of))


def test_group_secrets_that_do_not_fit() -> None:
    """A path secret must give the keys of the tree, a joiner secret the key of the group info."""
    for edit, error, why in (
        (lambda s: replace(s, path_secret=Secret(bytes(32))), AuthenticationError, "public key"),
        (lambda s: replace(s, joiner_secret=Secret(bytes(32))), AuthenticationError, "does not open"),
        (lambda s: replace(s, joiner_secret=Secret(b"short")), MalformedError, "joiner secret"),
    ):
        world = World(3)
        check_refused(world, invite(world, commit__GroupSecrets=_secrets(edit)), error, why)


def _lineage(usage: ResumptionUsage, nonce: bytes = bytes(32), group: bytes = b"old") -> ResumptionPskId:
    return ResumptionPskId(usage, group, 1, nonce)


def test_psks_of_a_welcome() -> None:
    """Section 12.4.3.1: unknown, short-nonced and doubled ReInit or branch PSKs are refused."""
    reinit, branch = _lineage(ResumptionUsage.REINIT), _lineage(ResumptionUsage.BRANCH)
    for psks, error, why in (
        ((_lineage(ResumptionUsage.APPLICATION),), UnknownPskError, "does not have"),
        ((_lineage(ResumptionUsage.APPLICATION, b"short"),), InvalidError, "nonce"),
        ((reinit, branch), InvalidError, "two ReInit or branch"),
        ((reinit,), PolicyError, "switched off"),
        ((branch,), PolicyError, "switched off"),
    ):
        world = World(2)
        told = _secrets(lambda s, psks=psks: replace(s, psks=psks))
        check_refused(world, invite(world, commit__GroupSecrets=told), error, why)


# --- groups that continue another one (sections 11.2 and 11.3) ---

WIDE = Policy(reinit=True, branching=True)
NEXT = ReInit(b"next", 1, 3, ())


def continue_group(
    old: World, usage: ResumptionUsage, names: list[str], group_id: bytes = b"next", founders_epoch: int = 0
) -> bytes:
    """Let m0 found a group that continues the old one, and give the Welcome for the others."""
    founder = old.devices["m0"]
    new = Group.create(group_id, founder.credential, founder.signer, LIFETIME, policy=WIDE, random=old.random)
    for _ in range(founders_epoch):
        new.commit(now=NOW)
        new.commit_accepted()
    resumption = old["m0"]._state.resumption[old["m0"].epoch]
    psk = ResumptionPskId(usage, GROUP_ID, old["m0"].epoch, bytes(32))
    psks = Psks({}, {(GROUP_ID, old["m0"].epoch): resumption})
    packages = [add_proposal(old.device(name).publish()) for name in names]
    with lawless():
        return new.commit([*packages, PreSharedKey(psk)], now=NOW, psks=psks).welcome or b""


def reinitialised(size: int) -> World:
    """Make a world whose group was closed in favour of a new one."""
    world = World(size, policy=WIDE)
    world.commit("m0", [NEXT])
    return world


def test_a_reinitialised_group_is_joined_again() -> None:
    """Section 11.2: same members, announced parameters, epoch 1."""
    old = reinitialised(3)
    welcome = continue_group(old, ResumptionUsage.REINIT, ["m1", "m2"])
    group = old.devices["m1"].join(welcome, predecessor=old["m1"])
    assert (group.group_id, group.epoch) == (b"next", 1)


def test_a_branch_is_joined() -> None:
    """Section 11.3: some members of the old group."""
    old = World(3, policy=WIDE)
    welcome = continue_group(old, ResumptionUsage.BRANCH, ["m1"])
    assert old.devices["m1"].join(welcome, predecessor=old["m1"]).epoch == 1


def test_false_successors() -> None:
    """Sections 11.2, 11.3 and 12.4.3.1: what does not match the old group is refused."""
    reinit, branch = ResumptionUsage.REINIT, ResumptionUsage.BRANCH
    cases: list[tuple[World, bytes, type[MlsError], str]] = []
    old = reinitialised(3)
    cases.append((old, continue_group(old, reinit, ["m1"]), NotAuthorisedError, "missing"))
    old = reinitialised(2)
    cases.append((old, continue_group(old, reinit, ["m1"], b"else"), InvalidError, "differs"))
    old = reinitialised(2)
    cases.append((old, continue_group(old, reinit, ["m1"], founders_epoch=1), InvalidError, "epoch 1"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, reinit, ["m1"]), InvalidError, "not reinitialised"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, branch, ["m1", "spy"]), NotAuthorisedError, "has not"))
    old = World(2, policy=WIDE)
    cases.append((old, continue_group(old, branch, ["m1"], founders_epoch=2), InvalidError, "epoch 1"))
    for world, welcome, error, why in cases:
        with pytest.raises(error, match=why):
            world.devices["m1"].join(welcome, predecessor=world["m1"])
    old = World(2, policy=WIDE)
    welcome = continue_group(old, branch, ["m1"])
    resumption = Psks({}, {(GROUP_ID, 1): old["m1"]._state.resumption[1]})
    with pytest.raises(NotForThisGroupError, match="not at hand"):
        old.devices["m1"].join(welcome, psks=resumption)
