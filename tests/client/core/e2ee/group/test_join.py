"""Joining by a Welcome: the room's own group or none, once, with a key package that is then gone."""

from collections.abc import Callable

import msgspec
import pytest
from tests.client.core.e2ee.group_world import ROOM, Device, Log, agree, clocks, request, room_of, sealed_body

from parlour_client.core.e2ee.errors import JoinRefusedError, NotDurableError
from parlour_client.core.e2ee.group import join, statements
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.model import NoteKind
from parlour_mls import add_proposal
from parlour_protocol.delivery import WaitingWelcome
from parlour_protocol.frames import LogEvent
from parlour_protocol.frames.bodies import Created, Handshake
from parlour_protocol.frames.opaque import HandshakeBytes, TreeBytes, WelcomeBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId, WelcomeId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.rooms import Role, RoomKind

OTHER = RoomId("another4567890abcdefgh")


def invited(alice: Device, bobby: Device, log: Log, number: int = 3) -> tuple[LogEvent, WaitingWelcome]:
    """Let alice add bobby; returns the event that he waits at, and the Welcome."""
    alice.commit(log, number, [bobby])
    receipt = bobby.receive(log.events[bobby.cursor(log) :], log.room)
    event = receipt.needs_welcome
    assert event is not None
    return event, log.welcomes[bobby.id, event.seq]


def nothing_changed(device: Device, log: Log, call: Callable[[], object], why: str | None = None) -> None:
    """Require that a join is refused and has changed nothing in the archive."""
    tables = ("mls_rooms", "mls_groups", "own_keys", "mls_messages", "shown")
    before = [list(device.connection.execute(f"SELECT * FROM {name}")) for name in tables]  # noqa: S608
    with pytest.raises(JoinRefusedError, match=why):
        call()
    assert before == [list(device.connection.execute(f"SELECT * FROM {name}")) for name in tables]  # noqa: S608
    assert log.events


def test_the_run_stops_before_the_commit_that_adds_this_device() -> None:
    """The Welcome comes first; then the room goes on behind the commit."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    assert bobby.cursor(log) == event.seq - 1
    assert len(bobby.packages()) == 1
    bobby.join(log, event, welcome)
    assert bobby.cursor(log) == event.seq
    assert len(bobby.packages()) == 0
    assert bobby.texts(log)[-1] == NoteKind.HISTORY_STARTS.value
    assert {alice.certificate, bobby.certificate} == set(bobby.people.asked)
    agree(log, alice, bobby)


def _lied(welcome: WaitingWelcome, /, **fields: object) -> WaitingWelcome:
    return msgspec.structs.replace(welcome, **fields)


LIES: dict[str, Callable[[WaitingWelcome], WaitingWelcome]] = {
    "room": lambda w: _lied(w, room=OTHER),
    "group": lambda w: _lied(w, group=GroupId("A" * 43)),
    "seq": lambda w: _lied(w, seq=Seq(w.seq + 1)),
    "welcome": lambda w: _lied(w, welcome=WelcomeBytes(w.welcome[:-1] + bytes([w.welcome[-1] ^ 1]))),
    "tree": lambda w: _lied(w, tree=TreeBytes(w.tree[:-1] + bytes([w.tree[-1] ^ 1]))),
    "short tree": lambda w: _lied(w, tree=TreeBytes(w.tree[:20])),
    "no welcome": lambda w: _lied(w, welcome=WelcomeBytes(b"welcome")),
}


@pytest.mark.parametrize("what", LIES)
def test_a_welcome_that_is_not_the_commits_own_changes_nothing(what: str) -> None:
    """Whatever the server swaps; the genuine one is used afterwards."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    nothing_changed(bobby, log, lambda: bobby.join(log, event, LIES[what](welcome)))
    bobby.join(log, event, welcome)
    agree(log, alice, bobby)


def test_a_welcome_and_a_tree_damaged_anywhere_are_refused_in_words() -> None:
    """Whatever a hostile server makes of them, nothing else than a refusal comes of it."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    store = bobby.packages()
    for name, kind in (("welcome", WelcomeBytes), ("tree", TreeBytes)):
        data = bytes(getattr(welcome, name))
        for at in range(0, len(data), 5):
            for bad in (data[:at] or b"\0", data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
                lie = _lied(welcome, **{name: kind(bad)})
                with pytest.raises(JoinRefusedError):
                    join.open_welcome(bobby.own, log.kind, store, lie, event)
    assert len(store) == 1
    bobby.join(log, event, welcome)


def test_the_group_of_one_room_is_not_shown_as_another() -> None:
    """The server presents room A's Welcome and commit as room B's: the group's context tells."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    other = Log(OTHER)
    other.add(alice.user, Created(room_kind=other.kind, encrypted=True))
    fake = other.add(alice.user, event.body)
    bobby.receive(other.events, OTHER)
    lie = _lied(welcome, room=OTHER, seq=fake.seq)
    nothing_changed(bobby, other, lambda: bobby.join(other, fake, lie))


def test_a_group_of_another_kind_of_room_is_refused() -> None:
    """A group of many is not shown as a direct message with one."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    log.kind = RoomKind.DIRECT
    nothing_changed(bobby, log, lambda: bobby.join(log, event, welcome))


@pytest.mark.parametrize("lie", ["epoch", "added", "removed"])
def test_a_welcome_that_does_not_fit_its_event_is_refused(lie: str) -> None:
    """The event claims another epoch, or members that the group does not have."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    body = event.body
    assert isinstance(body, Handshake)
    fields: dict[str, object] = {
        "epoch": Epoch(body.epoch + 1),
        "added": (bobby.id, carol.id),
        "removed": (alice.id,),
    }
    false = msgspec.structs.replace(event, body=msgspec.structs.replace(body, **{lie: fields[lie]}))
    nothing_changed(bobby, log, lambda: bobby.join(log, false, welcome))


def test_a_welcome_replayed_while_in_the_group_changes_nothing() -> None:
    """The event is behind the cursor, the key package is spent."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    bobby.join(log, event, welcome)
    nothing_changed(bobby, log, lambda: bobby.join(log, event, welcome))


def test_an_old_welcome_of_a_last_resort_leads_nowhere() -> None:
    """Its key package is still here; joining an old epoch again would use this device's keys twice."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    resort = bobby.package(last_resort=True)
    signed, _ = alice.evidence(log, [bobby])
    wanted = CommitRequest(request(3), {bobby.id: resort}, (), *clocks(log), signed)
    seq = log.commit(alice, alice.make_commit(ROOM, wanted))
    alice.sync(log)
    bobby.sync(log)
    bobby.seal(log, 10, "with the first keys")
    welcome, old = log.welcomes[bobby.id, seq], log.events[seq - 1]
    alice.commit(log, 4, [], [bobby])
    bobby.sync(log)
    replay = log.add(alice.user, old.body)
    lie = _lied(welcome, seq=replay.seq)
    nothing_changed(bobby, log, lambda: bobby.join(log, replay, lie))
    receipt = bobby.receive(log.events[bobby.cursor(log) :])
    assert receipt.needs_welcome is None
    assert receipt.items[0].note is not None
    assert receipt.items[0].note.kind is NoteKind.FORGED


def test_a_last_resort_joins_a_second_room() -> None:
    """That is what it is for; it is kept."""
    alice, bobby = Device("alice"), Device("bobby")
    resort = bobby.package(last_resort=True)
    for log in (room_of(alice), Log(OTHER)):
        if log.room == OTHER:
            log.add(alice.user, Created(room_kind=log.kind, encrypted=True))
            alice.create_group(log, 8)
        signed, _ = alice.evidence(log, [bobby])
        wanted = CommitRequest(request(9), {bobby.id: resort}, (), *clocks(log), signed)
        log.commit(alice, alice.make_commit(log.room, wanted))
        alice.sync(log)
        bobby.sync(log)
        agree(log, alice, bobby)


def test_one_key_package_handed_out_twice_is_good_for_one_room() -> None:
    """The server gives the same single-use package to two people: the second Welcome is refused in words."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    package = bobby.package()
    first, second = room_of(alice), Log(OTHER)
    second.add(carol.user, Created(room_kind=second.kind, encrypted=True))
    carol.create_group(second)
    for log, who in ((first, alice), (second, carol)):
        signed, _ = who.evidence(log, [bobby])
        wanted = CommitRequest(request(9), {bobby.id: package}, (), *clocks(log), signed)
        log.commit(who, who.make_commit(log.room, wanted))
        who.sync(log)
    bobby.sync(first)
    receipt = bobby.receive(second.events, OTHER)
    event = receipt.needs_welcome
    assert event is not None
    nothing_changed(bobby, second, lambda: bobby.join(second, event))
    receipt = bobby.receive(second.events[bobby.cursor(second) :], OTHER, welcome_missing=True)
    assert "add it again" in receipt.items[0].trouble
    assert bobby.status(second).status is GroupStatus.OUTSIDE


def test_a_welcome_that_never_comes_is_reported_and_the_room_goes_on() -> None:
    """What follows is unreadable here and says so; nothing waits for ever."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    invited(alice, bobby, log)
    alice.say(log, 10, "CANARY")
    receipt = bobby.receive(log.events[bobby.cursor(log) :], welcome_missing=True)
    assert [bool(item.trouble) for item in receipt.items] == [True, True]
    assert bobby.cursor(log) == len(log.events)


def test_two_programs_open_one_welcome_and_one_of_them_enters() -> None:
    """The work may be done elsewhere; the package and the cursor decide in the transaction."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    opened = join.open_welcome(bobby.own, log.kind, bobby.packages(), welcome, event)
    again = join.open_welcome(bobby.own, log.kind, bobby.packages(), welcome, event)
    bobby.run(join.enter, bobby.groups, opened, event, event.at)
    nothing_changed(bobby, log, lambda: bobby.run(join.enter, bobby.groups, again, event, event.at))
    agree(log, alice, bobby)


def test_a_welcome_that_comes_too_late_changes_nothing() -> None:
    """The room went on without it: joining now would show everything since a second time."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    bobby.receive(log.events[bobby.cursor(log) :], welcome_missing=True)
    nothing_changed(bobby, log, lambda: bobby.join(log, event, welcome))


def test_a_second_group_of_the_room_does_not_replace_the_one_in_force() -> None:
    """A member creates another one for the same room, and the server shows its commit in the log."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log, other = room_of(alice, bobby), Log()
    other.add(mallory.user, Created(room_kind=other.kind, encrypted=True))
    mallory.create_group(other)
    mallory.commit(other, 2, [bobby])
    event = other.events[-1]
    assert isinstance(event.body, Handshake)
    shown = log.add(mallory.user, event.body)
    lie = _lied(other.welcomes[bobby.id, event.seq], seq=shown.seq)
    nothing_changed(bobby, log, lambda: bobby.join(log, shown, lie))
    assert bobby.receive(log.events[bobby.cursor(log) :]).needs_welcome is None
    agree(log, alice, bobby)


def test_one_key_package_is_not_spent_on_two_rooms_that_are_joined_at_once() -> None:
    """Both Welcomes were opened by it before either was entered."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    package = bobby.package()
    first, second = room_of(alice), Log(OTHER)
    second.add(carol.user, Created(room_kind=second.kind, encrypted=True))
    carol.create_group(second)
    ready = []
    for log, who in ((first, alice), (second, carol)):
        signed, _ = who.evidence(log, [bobby])
        wanted = CommitRequest(request(9), {bobby.id: package}, (), *clocks(log), signed)
        log.commit(who, who.make_commit(log.room, wanted))
        event = bobby.receive(log.events, log.room).needs_welcome
        assert event is not None
        use = log.welcomes[bobby.id, event.seq]
        opened = join.open_welcome(bobby.own, log.kind, bobby.packages(), use, event)
        ready.append((opened, event, event.at))
    bobby.run(join.enter, bobby.groups, *ready[0])
    nothing_changed(bobby, second, lambda: bobby.run(join.enter, bobby.groups, *ready[1]))


def test_a_welcome_with_its_tree_inside_is_held_to_its_event_as_well() -> None:
    """A member puts the tree into the Welcome, where nothing else binds it to the epoch."""
    alice = Device("alice")
    log = room_of(alice)
    phone = Device("alice", account=alice.account)
    stored = alice.groups.stored(alice.connection, ROOM)
    with stored.rules.ours(log.now):
        pending = stored.group.commit([add_proposal(phone.package())], now=log.now // 1_000)
    assert pending.welcome is not None
    assert log.group is not None
    data = HandshakeBytes(pending.message)
    event = log.add(alice.user, Handshake(group=log.group, epoch=Epoch(5), data=data, added=(phone.id,)))
    assert phone.receive(log.events).needs_welcome == event
    welcome = WaitingWelcome(
        id=WelcomeId("w" * 22),
        room=ROOM,
        group=log.group,
        seq=event.seq,
        welcome=WelcomeBytes(pending.welcome),
        tree=TreeBytes(b"none"),
    )
    nothing_changed(phone, log, lambda: phone.join(log, event, welcome))


def test_joining_needs_a_durable_transaction() -> None:
    """The Welcome is dropped at the server afterwards: nothing could bring it back after a power cut."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, welcome = invited(alice, bobby, log)
    opened = join.open_welcome(bobby.own, log.kind, bobby.packages(), welcome, event)
    with pytest.raises(NotDurableError):
        bobby.loosely(join.enter, bobby.groups, opened, event, event.at)


def test_the_tree_beside_the_welcome_shows_the_server_nothing() -> None:
    """No name, no certificate and no key of a member lies in it, and no Welcome holds the tree."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    body = alice.stage(log, 3, [bobby])
    assert body.tree is not None
    assert body.welcome is not None
    for secret in (b"alice", alice.key.public, alice.certificate[:40], b"bobby"):
        assert bytes(body.tree).find(secret) < 0
        assert bytes(body.welcome).find(secret) < 0
    assert len(body.welcome) < 900


def test_a_new_member_reads_what_follows_and_is_read() -> None:
    """From the first message on."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    event, _ = invited(alice, bobby, log)
    log.add(alice.user, sealed_body(alice.seal(log, 10, "welcome")))
    bobby.join(log, event)
    bobby.sync(log)
    bobby.say(log, 11, "thanks")
    alice.sync(log)
    assert bobby.texts(log)[-1] == "welcome"
    assert alice.texts(log)[-2:] == ["welcome", "thanks"]


def test_an_invited_person_enters_only_by_their_own_acceptance() -> None:
    """Not a group that was begun with their name in it, however right everything else about it is."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(carol)
    admission, _ = carol.admitted(carol.groups.stored(carol.connection, log.room).rules.roster, bobby, log)
    log = Log()
    log.add(alice.user, Created(room_kind=log.kind, encrypted=True))
    people = [(one.user, one.account.public, Role.OWNER) for one in (alice, bobby, carol)]
    asked = alice.make_group(log.room, log.kind, request(1), Millis(log.now), people)
    log.create_group(alice, asked)
    alice.sync(log)
    log.commit(alice, alice.stage(log, 2, [bobby]))
    event = bobby.receive(log.events).needs_welcome
    assert event is not None
    bobby.run(statements.accept, log.room, admission)
    words = r"carol, who invited you, did not admit you"
    nothing_changed(bobby, log, lambda: bobby.join(log, event), words)
    bobby.run(statements.forget_accepted, log.room)  # another device of someone who is in can't know
    bobby.join(log, event)
    alice.sync(log)
    agree(log, alice, bobby)
