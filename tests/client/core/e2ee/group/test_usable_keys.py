"""Keys that no one can encrypt to: refused with their owner's name, and removed from groups that have one."""

from dataclasses import replace

import pytest
from tests.client.core.e2ee.group_world import ROOM, Device, Log, agree, clocks, request, room_of
from tests.client.core.e2ee.harness import Harness
from tests.client.core.e2ee.hostile_commits import commit_of, handshake, refused
from tests.client.core.e2ee.identity_world import ANA, BEN, EVE
from tests.client.core.e2ee.lying_server import shown
from tests.client.core.e2ee.test_chat import texts
from tests.client.core.e2ee.test_hostile_keys import Ghost, account_of, members
from tests.client.core.e2ee.test_orchestration import pair, say
from tests.mls.validate.test_unusable_keys import before_the_rule

from parlour_client.core.e2ee.errors import BadPackageError
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_mls import SigningKey, add_proposal
from parlour_mls.messages import encode_message
from parlour_protocol.identity import DeviceEntry
from parlour_protocol.identity.key_log import encode_entry

ZERO = bytes(32)


def unusable(package: bytes, signer: SigningKey, *, init: bool = False) -> bytes:
    """Return a key package with a low-order key in it, signed by its owner."""
    made = add_proposal(package).key_package
    if init:
        return encode_message(replace(made, init_key=ZERO).signed(signer))
    leaf = replace(made.leaf_node, encryption_key=ZERO).signed(signer)
    return encode_message(replace(made, leaf_node=leaf).signed(signer))


@pytest.mark.parametrize("init", [False, True])
def test_such_a_key_package_is_refused_with_the_members_name(*, init: bool) -> None:
    """By the device that would add it; the others can still be added."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice)
    bad = unusable(carol.package(), carol.key.signer, init=init)
    packages = {bobby.id: bobby.package(), carol.id: bad}
    signed, _ = alice.evidence(log, [bobby, carol])
    with pytest.raises(BadPackageError, match=r"that of carol: .* is a low-order point") as caught:
        alice.make_commit(
            ROOM,
            CommitRequest(request(3), packages, (), *clocks(log), signed),
        )
    assert set(caught.value.why) == {carol.id}


def test_a_commit_that_adds_one_is_refused_with_the_members_name() -> None:
    """Anyone who was talked into it, or means it: the group stays as it is."""
    alice, bobby = Device("alice"), Device("bobby")
    carol = Device("bobby", account=bobby.account)
    log = room_of(alice, bobby)
    bad = unusable(carol.package(), carol.key.signer)
    with before_the_rule():
        data = commit_of(alice, log, add_proposal(bad))
    handshake(log, alice, data, added=(carol.id,))
    assert "low-order point: no one can encrypt to it (a device of bobby)" in refused(bobby, log).trouble


def _jammed() -> tuple[Log, Device, Device, Device]:
    """Return a room whose group carol's device jams."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    bad = unusable(carol.package(), carol.key.signer)
    signed, _ = alice.evidence(log, [carol])
    wanted = CommitRequest(request(3), {carol.id: bad}, (), *clocks(log), signed)
    with before_the_rule():
        log.commit(alice, alice.make_commit(ROOM, wanted))
        alice.sync(log)
        bobby.sync(log)
    return log, alice, bobby, carol


def test_any_commit_removes_it_and_everyone_follows() -> None:
    """A renewal of keys, by who did not add it; the row names whom it removed."""
    log, alice, bobby, carol = _jammed()
    assert [m.user for m in alice.status(log).members if m.unusable] == [carol.user]
    asked = bobby.stage(log, 4)
    assert (asked.removed, asked.unusable) == ((carol.id,), (carol.id,))
    log.commit(bobby, asked)
    (item,) = bobby.sync(log)
    alice.sync(log)
    agree(log, alice, bobby)
    assert carol.id not in {m.device for m in alice.status(log).members}
    assert item.note is not None
    assert item.note.detail == "removed a device of carol, whose key no one could encrypt to"


def test_adding_someone_removes_it_too() -> None:
    """The newcomer joins a group in which everyone can commit."""
    log, alice, bobby, carol = _jammed()
    david = Device("david")
    alice.commit(log, 4, [david])
    bobby.sync(log)
    david.sync(log)
    agree(log, alice, bobby, david)
    assert carol.id not in {m.device for m in david.status(log).members}


def test_no_one_else_is_removed_on_that_pretext() -> None:
    """A usable key that its event calls unusable, and the reverse: what the event declares is checked."""
    for says in ("usable", "unusable"):
        log, alice, bobby, carol = _jammed() if says == "usable" else (*_in_order(),)
        honest = alice.stage(log, 4, remove=[carol])
        unusable = (carol.id,) if says == "unusable" else ()
        handshake(log, alice, honest.data, removed=(carol.id,), unusable=unusable)
        assert "other devices than its event declares" in refused(bobby, log).trouble


def _in_order() -> tuple[Log, Device, Device, Device]:
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    return room_of(alice, bobby, carol), alice, bobby, carol


async def test_a_running_client_removes_it_and_leaves_its_device_out(harness: Harness) -> None:
    """No one has to find the culprit: settling the room does it, says so, and everyone goes on."""
    ana, ben, room = await pair(harness)
    ghost = Ghost(harness, BEN, account_of(ben))
    harness.server.entries.append(encode_entry(DeviceEntry(harness.clock.now(), ghost.certificate)))
    bad = [unusable(package, ghost.key.signer) for package in ghost.packages()]
    with before_the_rule():
        ghost.move_in(bad)
        await harness.until(lambda: ghost.key.id in harness.server.rooms[room].present)
        await harness.quiet()
    await harness.close(ben)
    await harness.close(ana)
    ana, ben = await harness.open(ANA), await harness.open(BEN)  # with a version that knows such keys
    await harness.until(lambda: ghost.key.id not in harness.server.rooms[room].present)
    await harness.until(lambda: "low-order" in ana.encryption.room(room).problem)
    assert ghost.key.id not in await members(ana, room)
    assert ghost.key.id not in harness.server.rooms[room].present
    assert "that of ben: a public key is a low-order point" in ana.encryption.room(room).problem
    eve = await harness.open(EVE)
    await harness.invite(ana, room, EVE)
    await ana.encryption.settle(room)
    await say(harness, ana, room, "among us")
    for client in (ben, eve):
        await shown(harness, client, room)
        assert "among us" in await texts(client, room)
