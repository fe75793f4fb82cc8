"""Flip every bit of a commit, a Welcome, a key package, a message: refused, and nothing has changed."""

from collections.abc import Callable, Iterator

import pytest
from tests.mls.mls_world import NOW, World, unchanged

from parlour_mls import (
    ApplicationMessage,
    CommitApplied,
    CommitOptions,
    Group,
    KeyPackageStore,
    MalformedError,
    MlsError,
    add_proposal,
)
from parlour_mls.codec import decode
from parlour_mls.group.group_state import State


def flips(message: bytes) -> Iterator[bytes]:
    """Give a message with each of its bits flipped in turn."""
    number = int.from_bytes(message, "big")
    for bit in range(8 * len(message)):
        yield (number ^ (1 << bit)).to_bytes(len(message), "big")


def all_refused(group: Group, message: bytes) -> None:
    """Check that a group refuses every flip; the state object itself is looked at, then its bytes once."""
    state = group.state
    with unchanged(group):
        for bad in flips(message):
            with pytest.raises(MlsError):
                group.process(bad, now=NOW)
            assert group.state is state, "a refused message has replaced the state"


@pytest.mark.parametrize("public", [False, True], ids=["private", "public"])
def test_every_bit_of_a_commit(public: bool) -> None:  # noqa: FBT001 - a parameter
    """A commit with one bit changed is refused, and the genuine one still applies."""
    world = World(3)
    pending = world.stage("m0", (), CommitOptions(public=public))
    all_refused(world["m1"], pending.message)
    assert isinstance(world["m1"].process(pending.message, now=NOW), CommitApplied)


def test_every_bit_of_a_private_message() -> None:
    """A message with one bit changed is refused, and the genuine one is still read."""
    world = World(2)
    message = world["m0"].encrypt(b"a text of some length", b"id")
    all_refused(world["m1"], message)
    assert isinstance(world["m1"].process(message, now=NOW), ApplicationMessage)


def test_every_bit_of_a_proposal() -> None:
    """A proposal in clear with one bit changed is refused."""
    world = World(2)
    message = world["m0"].propose_update(now=NOW, options=CommitOptions(public=True))
    all_refused(world["m1"], message)


def test_every_bit_of_a_key_package() -> None:
    """A key package with one bit changed is never added."""
    world = World(1)
    package = world.device("m1").publish()
    state = world["m0"].state
    for bad in flips(package):
        with pytest.raises(MlsError):
            world["m0"].commit([add_proposal(bad)], now=NOW)
        assert world["m0"].state is state
    assert world["m0"].commit([add_proposal(package)], now=NOW)


def test_every_bit_of_a_welcome() -> None:
    """A Welcome with one bit changed is not joined by, unless the bit concerns another newcomer."""
    world = World(2)
    device = world.device("guest")
    pending = world.stage("m0", [add_proposal(device.publish())])
    welcome = pending.welcome or b""
    before = device.store.serialise()
    for bad in flips(welcome):
        with pytest.raises(MlsError):
            device.join(bad)
    assert device.store.serialise() == before
    assert device.join(welcome)


def test_every_bit_of_a_tree_beside_the_welcome() -> None:
    """The tree that comes beside is bound by its hash."""
    world = World(1)
    device = world.device("guest")
    beside = CommitOptions(tree_in_welcome=False)
    pending = world.stage("m0", [add_proposal(device.publish())], beside)
    world["m0"].merge_pending_commit()
    tree = world["m0"].ratchet_tree()
    for bad in flips(tree):
        with pytest.raises(MlsError):
            device.join(pending.welcome or b"", ratchet_tree=bad)
    assert device.join(pending.welcome or b"", ratchet_tree=tree)


CUTS: list[tuple[str, Callable[[World], bytes]]] = [
    ("commit", lambda w: w.stage("m0").message),
    ("message", lambda w: w["m0"].encrypt(b"x")),
    ("proposal", lambda w: w["m0"].propose_update(now=NOW)),
]


@pytest.mark.parametrize("make", [make for _, make in CUTS], ids=[name for name, _ in CUTS])
def test_every_prefix(make: Callable[[World], bytes]) -> None:
    """A message that is cut short anywhere is refused."""
    world = World(2)
    message = make(world)
    with unchanged(world["m1"]):
        for length in range(len(message)):
            with pytest.raises(MlsError):
                world["m1"].process(message[:length], now=NOW)


def _damaged(blob: bytes) -> Iterator[bytes]:
    for place in range(len(blob)):
        yield blob[:place] + bytes((blob[place] ^ 0xFF,)) + blob[place + 1 :]


def test_every_byte_of_what_is_kept() -> None:
    """A damaged state or store of key packages is refused when it is read, not when it is used."""
    world = World(2)
    world.deliver(world["m1"].propose_update(now=NOW), by="m1")
    world.stage("m0")
    device = world.device("m2")
    device.publish()
    for bad in _damaged(world["m0"].serialise()):
        with pytest.raises(MalformedError):
            Group.restore(bad)
    for bad in _damaged(device.store.serialise()):
        with pytest.raises(MalformedError):
            KeyPackageStore.restore(bad)


def test_every_byte_behind_the_digest() -> None:
    """Inside of its frame a state is read with the decoder of everything else: our errors, or a value."""
    world = World(2)
    world.stage("m0")
    refusals = 0
    for bad in _damaged(world["m0"].state.body()):
        try:
            decode(State.read, bad)
        except MlsError:
            refusals += 1
    assert refusals > 100
