"""Key packages with whatever is wrong in them, signed all the same."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.mls.mls_world import NOW, Device, World, lawless, refused, unchanged

from parlour_mls import MlsError
from parlour_mls.messages import Add, KeyPackage


def package(world: World, *, leaf: dict[str, Any] | None = None, **changes: Any) -> KeyPackage:
    """Make a key package with some fields changed, everything signed again."""
    device = Device("newcomer", world.random)
    good = device.secrets(world.suite).package
    node = replace(good.leaf_node, **(leaf or {})).signed(device.signer)
    return replace(good, leaf_node=node, **changes).signed(device.signer)


def check_add(
    world: World, bad: KeyPackage, error: type[MlsError], why: str, patches: Mapping[str, Any] | None = None
) -> None:
    """Check that a package is refused when adding, as a proposal, and in a commit of a lawless member."""
    with unchanged(world["m0"]), pytest.raises(error, match=why):
        world["m0"].commit([Add(bad)], now=NOW)
    with lawless():
        proposal = world["m0"].propose(Add(bad), now=NOW)
    refused(world["m1"], proposal, error, why)
    world["m0"].set_aside_proposals()
    with lawless(patches):
        message = world["m0"].commit([Add(bad)], now=NOW).message
    refused(world["m1"], message, error, why)
    world["m0"].clear_pending_commit()
