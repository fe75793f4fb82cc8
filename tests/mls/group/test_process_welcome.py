"""Attacks on newcomers: one for each check that RFC 9420 section 12.4.3.1 asks of a Welcome."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.mls.mls_invite import InfoEdit, check_refused, invite, with_tree
from tests.mls.mls_world import World

from parlour_mls import (
    AuthenticationError,
    Extension,
    InvalidError,
    MalformedError,
    MlsError,
    NotForThisGroupError,
    PolicyError,
    Secret,
    UnknownPskError,
)
from parlour_mls.codec import RATCHET_TREE, Reader, ResumptionUsage, vec
from parlour_mls.epoch import Epoch
from parlour_mls.group import create_commit as commit_module
from parlour_mls.messages import GroupSecrets, ResumptionPskId, Welcome, encode_message, read_message
from parlour_mls.tree import ParentNode


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


def test_a_group_info_that_someone_else_signed() -> None:
    """Section 12.4.3.1: the signature is of the leaf `signer`."""
    world = World(3)
    real = commit_module.group_info
    signer = world.devices["m1"].signer
    welcome = invite(
        world, patches={"group.create_commit.group_info": lambda e, **how: real(e, **how).signed(signer)}
    )
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
        (replace(message, encrypted_group_info=bytes(99)), AuthenticationError, "cannot be decrypted"),
    ):
        check_refused(world, encode_message(changed), error, why)


def _secrets(edit: Callable[[GroupSecrets], GroupSecrets]) -> Callable[..., GroupSecrets]:
    return lambda *of: edit(GroupSecrets(*of))


def test_group_secrets_that_do_not_fit() -> None:
    """A path secret must give the keys of the tree, a joiner secret the key of the group info."""
    for edit, error, why in (
        (lambda s: replace(s, path_secret=Secret(bytes(32))), AuthenticationError, "public key"),
        (lambda s: replace(s, joiner_secret=Secret(bytes(32))), AuthenticationError, "cannot be decrypted"),
        (lambda s: replace(s, joiner_secret=Secret(b"short")), MalformedError, "joiner secret"),
    ):
        world = World(3)
        check_refused(
            world, invite(world, patches={"group.create_commit.GroupSecrets": _secrets(edit)}), error, why
        )


def _lineage(usage: ResumptionUsage, nonce: bytes = bytes(32), group: bytes = b"old") -> ResumptionPskId:
    return ResumptionPskId(usage, group, 1, nonce)


def test_psks_of_a_welcome() -> None:
    """Section 12.4.3.1: unknown PSKs, short nonces, and groups that continue another one are refused."""
    reinit, branch = _lineage(ResumptionUsage.REINIT), _lineage(ResumptionUsage.BRANCH)
    for psks, error, why in (
        ((_lineage(ResumptionUsage.APPLICATION),), UnknownPskError, "does not have"),
        ((_lineage(ResumptionUsage.APPLICATION, b"short"),), InvalidError, "nonce"),
        ((reinit,), PolicyError, "continue another"),
        ((branch,), PolicyError, "continue another"),
    ):
        world = World(2)
        reported = _secrets(lambda s, psks=psks: replace(s, psks=psks))
        check_refused(
            world, invite(world, patches={"group.create_commit.GroupSecrets": reported}), error, why
        )
