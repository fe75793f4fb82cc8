"""Who is in an encrypted room is what its members have signed: every member checks each commit by itself."""

from collections.abc import Callable, Sequence

import pytest
from tests.client.core.e2ee.group_world import ROOM, SERVER, START, Device, Log, agree, clocks, room_of
from tests.client.core.e2ee.hostile_commits import commit_of, handshake, refused

from parlour_client.core.archive import alarms
from parlour_client.core.e2ee.errors import JoinRefusedError, RuleBrokenError
from parlour_client.core.e2ee.group import plan, report, statements
from parlour_client.core.e2ee.group.plan import Clocks, Plan, signed
from parlour_client.core.e2ee.group.report import ServerClaims
from parlour_client.core.e2ee.group.rules import Evidence, extensions_of
from parlour_client.core.e2ee.group.store import GroupStatus
from parlour_client.core.errors import EncryptionError
from parlour_client.core.model import NoteKind
from parlour_mls import GroupContextExtensions, add_proposal, remove_proposal
from parlour_protocol.delivery import GroupDevice, GroupState
from parlour_protocol.frames.bodies import Banned, Contested, GroupCreated, Joined, Kicked, Left
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.ids import Epoch, new_group_id
from parlour_protocol.kit.ids import Incarnation, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import Admit, AnyAct, Execution, Person, Remove, Roster, SetRole, Unban
from parlour_protocol.rooms import Role


def people(device: Device, log: Log) -> list[str]:
    """Return who is in the room, as a device knows it."""
    found = device.groups.roster(device.connection, log.room)
    assert found is not None
    return [str(one.user) for one in found.people]


def roster_of(device: Device, log: Log) -> Roster:
    """Return the roster of a device's group."""
    found = device.groups.roster(device.connection, log.room)
    assert found is not None
    return found


def state_of(
    device: Device, log: Log, missing: Sequence[Device] = (), leaving: Sequence[Device] = ()
) -> GroupState:
    """Return what the server says of the group."""
    here = [GroupDevice(device=one.device, user=one.user) for one in device.status(log).members]
    return GroupState(
        epoch=Epoch(log.epoch),
        group=log.group,
        incarnation=Incarnation("i" * 22),
        present=tuple(here),
        missing=tuple(GroupDevice(device=one.id, user=one.user) for one in missing),
        leaving=tuple(GroupDevice(device=one.id, user=one.user) for one in leaving),
    )


def planned(device: Device, log: Log, missing: Sequence[Device] = (), leaving: Sequence[Device] = ()) -> Plan:
    """Plan the next commit."""
    device.read_key_log()
    state = state_of(device, log, missing, leaving)
    return device.run(plan.plan, device.groups, log.room, state, None, Clocks(*clocks(log)))


def act(log: Log, roster: Roster, who: Device, kind: Callable[..., AnyAct], *more: object) -> AnyAct:
    """Return what is signed about someone now."""
    if kind is Admit:
        after = roster.removal_digest(who.user)
        more = (*more, roster.origin, after, bytes(16), Millis(log.now + 86_400_000))
    return kind(SERVER, log.room, roster.serial, Millis(log.now), who.user, *more)


def joins(log: Log, by: Device, who: Device) -> None:
    """Let someone accept the invitation of a member."""
    key = who.account.public
    data = by.sign(log, lambda roster: act(log, roster, who, Admit, key))
    accepted = who.accepts(statements.statement_of(bytes(data)), log)
    log.add(who.user, Joined(statement=data, acceptance=StatementBytes(accepted.data)))


def carried(roster: Roster, *those: bytes) -> tuple[bytes, GroupContextExtensions]:
    """Return evidence, and extensions that say something else than it does."""
    other = roster.begin(SERVER, ROOM, roster.kind, roster.people[0].user, _triples(roster), Millis(1))
    extensions = GroupContextExtensions(extensions_of(other))
    return evidence(*those), extensions


def evidence(*those: bytes) -> bytes:
    """Return what a commit carries."""
    return Evidence.of(Millis(START), those, ()).encode()


def _triples(roster: Roster) -> list[tuple[UserName, bytes, Role]]:
    return [(one.user, one.account_key, one.role) for one in roster.people]


# --- what comes in


def test_no_one_is_added_whom_no_member_admitted() -> None:
    """M21: a member that believes the server adds a device of lurker: no one follows; it is named."""
    alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, add_proposal(lurker.package())), added=(lurker.id,))
    assert "alice added a device of lurker, whom no member admitted" in refused(bobby, log).trouble


def test_an_admission_is_signed_by_a_device_of_the_group() -> None:
    """Not by anyone who comes in, nor by a device of a member that is not in the group."""
    for outside in (False, True):
        alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
        phone = Device("alice", account=alice.account)
        log = room_of(alice, bobby)
        roster = roster_of(alice, log)
        by = phone if outside else lurker
        statement = signed(by.own, act(log, roster, lurker, Admit, lurker.account.public))
        accepted = lurker.accepts(statements.statement_of(statement), log).data
        data, extensions = carried(roster, accepted, statement)
        proposals = [add_proposal(lurker.package()), extensions]
        handshake(log, alice, commit_of(alice, log, *proposals, evidence=data), added=(lurker.id,))
        words = "device of alice that signed it is not in the group" if outside else "not in the room"
        assert words in refused(bobby, log).trouble


def test_the_list_of_members_changes_exactly_as_was_signed() -> None:
    """M22: neither without a statement, nor to something else, nor not at all."""
    for given, told, words in (
        (False, True, "without a statement"),
        (True, True, "no one signed"),
        (True, False, "or not at all"),
    ):
        alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
        log = room_of(alice, bobby)
        roster = roster_of(alice, log)
        signed, _ = alice.evidence(log, [lurker])
        data, extensions = carried(roster, *signed)
        proposals = [extensions] if told else []
        handshake(log, alice, commit_of(alice, log, *proposals, evidence=data if given else b""))
        assert words in refused(bobby, log).trouble


def test_an_admission_from_before_someones_removal_brings_no_one_back() -> None:
    """The server shows it again: no member takes it."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby)
    old, _ = alice.evidence(log, [carol])
    unused, _ = alice.evidence(log, [carol])
    added = alice.wanted(log, 5, {carol.id: carol.package()}, Plan(old, [], [], [], ServerClaims()))
    log.commit(alice, alice.make_commit(ROOM, added))
    for device in (alice, bobby, carol):
        device.sync(log)
    alice.commit(log, 6, [], [carol])
    bobby.sync(log)
    for which, ghosts in ((old, [carol.user]), (unused, [])):
        acceptance, admission = map(StatementBytes, which)
        log.add(carol.user, Joined(statement=admission, acceptance=acceptance))
        bobby.sync(log)
        made = planned(bobby, log, missing=[carol])
        assert (made.statements, made.missing, made.claims.ghosts) == ([], [], ghosts)
    why = "The invitation of carol by alice is void: they left since."
    assert made.claims.void == [(carol.user, why)]


# --- what goes


def test_no_one_is_removed_whom_no_one_asked_to_leave() -> None:
    """M23: the server calls bobby leaving, and a member that believes it removes him."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    handshake(log, alice, commit_of(alice, log, remove_proposal(1)), removed=(bobby.id,))
    assert (
        "alice removed a device of bobby, though no one who may asked for it" in refused(carol, log).trouble
    )


def test_who_is_removed_loses_all_devices_at_once() -> None:
    """A commit that executes the removal and leaves a phone in the group is refused."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    phone = Device("bobby", account=bobby.account)
    log = room_of(alice, bobby, carol, phone)
    alice.sync(log)
    roster = roster_of(alice, log)
    statement = signed(alice.own, act(log, roster, bobby, Remove))
    devices = [one.device for one in alice.status(log).members]
    execution = Execution(Millis(log.now), alice.user, devices, lambda *_: True)
    after = roster.applied(statements.statement_of(statement), execution)
    proposals = [remove_proposal(1), GroupContextExtensions(extensions_of(after))]
    data = commit_of(alice, log, *proposals, evidence=evidence(statement))
    handshake(log, alice, data, removed=(bobby.id,))
    assert "left a device of bobby in the group" in refused(carol, log).trouble


def test_a_single_device_is_removed_by_its_own_revocation() -> None:
    """Signed by the account key that certified it; another account's does not count."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    phone = Device("bobby", account=bobby.account)
    log = room_of(alice, bobby, carol, phone)
    forged = carol.account.revoke(phone.user, SERVER, phone.key.public, Millis(log.now))
    data = commit_of(
        alice, log, remove_proposal(3), evidence=Evidence.of(Millis(START), (), (forged,)).encode()
    )
    handshake(log, alice, data, removed=(phone.id,))
    assert "no one who may asked for it" in refused(carol, log).trouble
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    phone = Device("bobby", account=bobby.account)
    log = room_of(alice, bobby, carol, phone)
    alice.commit(log, 9, [], [phone])
    bobby.sync(log)
    assert {one.device for one in bobby.status(log).members} == {alice.id, bobby.id, carol.id}


def test_a_member_removes_no_one_and_an_owner_is_removed_by_no_one() -> None:
    """Rights are the roster's: what would not hold is not even signed."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    for by, who in ((bobby, carol), (bobby, alice)):
        with pytest.raises(EncryptionError, match="would not accept"):
            by.sign(log, lambda roster, who=who: act(log, roster, who, Remove))  # type: ignore[misc]


# --- new members


def test_a_new_member_takes_no_other_list_than_the_groups_own() -> None:
    """M24: the digest is in the group, which all its members share."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice)
    stored = alice.groups.stored(alice.connection, ROOM)
    made = stored.rules.roster
    assert made is not None
    lie = made.begin(SERVER, ROOM, made.kind, alice.user, _triples(made), Millis(7))
    real = Roster.encode
    log.commit(alice, alice.stage(log, 5, [bobby]))
    event = bobby.receive(log.events).needs_welcome
    assert event is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Roster, "read", classmethod(lambda _cls, _data: lie))
        with pytest.raises(JoinRefusedError, match="not the one of its group"):
            bobby.join(log, event)
    assert Roster.encode is real
    bobby.join(log, event)
    assert people(bobby, log) == ["alice", "bobby"]


def test_the_next_group_of_a_room_forgets_no_removal() -> None:
    """M24: a member creates it without them: a device that knew the room does not join such a group."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    alice.commit(log, 5, [], [carol])
    bobby.sync(log)
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(log.epoch)))
    for device in (alice, bobby):
        device.sync(log)
    alice.run(lambda c: c.execute("UPDATE mls_rooms SET roster = NULL"))  # it forgets on purpose
    alice.create_group(log, 9)
    log.commit(alice, alice.stage(log, 10, [bobby]))
    event = bobby.receive(log.events[bobby.cursor(log) :]).needs_welcome
    assert event is not None
    with pytest.raises(JoinRefusedError, match="refused"):
        bobby.join(log, event)


def test_a_group_that_a_stranger_founds_replaces_none() -> None:
    """Behind a contest, be it false or true: who is not in the room creates nothing in it."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    before = alice.status(log).group
    assert before is not None
    log.add(bobby.user, Contested(group=before, epoch=Epoch(log.epoch)))
    log.add(mallory.user, GroupCreated(group=new_group_id(), device=mallory.id, replaces=before))
    receipt = alice.receive(log.events[alice.cursor(log) :])
    note = receipt.items[-1].note
    assert note is not None
    assert note.kind is NoteKind.FORGED
    assert "mallory, who is not in this room" in note.detail
    assert alice.status(log).group == before


def test_any_member_founds_the_next_group_with_the_same_people() -> None:
    """Also one who is no owner; the removed stay out, and roles stay as they were."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    alice.commit(log, 5, [], [carol])
    bobby.sync(log)
    before = roster_of(bobby, log)
    assert log.group is not None
    log.add(bobby.user, Contested(group=log.group, epoch=Epoch(log.epoch)))
    for device in (alice, bobby):
        device.sync(log)
    bobby.create_group(log, 9)
    log.commit(bobby, bobby.stage(log, 10, [alice]))
    for device in (alice, bobby):
        device.sync(log)
    agree(log, alice, bobby)
    assert roster_of(alice, log) == before


# --- what waits, and what is claimed


def test_statements_of_the_log_are_executed_by_any_member() -> None:
    """An invitation by alice, a role, a ban: bobby's device makes one commit of them, in the log's order."""
    alice, bobby, carol, davey = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice, bobby, carol)
    joins(log, alice, davey)
    alice.sync(log)
    log.add(
        alice.user,
        Banned(who=carol.user, statement=alice.sign(log, lambda r: act(log, r, carol, Remove, True))),
    )
    bobby.sync(log)
    made = planned(bobby, log, missing=[davey], leaving=[carol])
    assert (len(made.statements), made.missing, made.remove) == (3, [davey.id], [carol.id])
    wanted = bobby.wanted(log, 7, {davey.id: davey.package()}, made)
    log.commit(bobby, bobby.make_commit(ROOM, wanted))
    for device in (alice, bobby, davey):
        device.sync(log)
        assert people(device, log) == ["alice", "bobby", "davey"]
    assert planned(bobby, log).statements == []
    gone = roster_of(alice, log).removal_of(carol.user)
    assert gone is not None
    assert (gone.banned, gone.by) == (True, alice.user)
    note = alice.receipts[-1].items[-1].note
    assert note is not None
    assert "alice banned carol; alice let davey in" in note.detail


def test_who_comes_back_is_removed_first() -> None:
    """Their devices forgot the keys: the removal is one commit, the admission the next."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby)
    kick = alice.sign(log, lambda r: act(log, r, bobby, Remove))
    log.add(alice.user, Kicked(who=bobby.user, statement=kick))
    alice.sync(log)
    joins(log, alice, bobby)
    alice.sync(log)
    made = planned(alice, log, missing=[bobby], leaving=[bobby])
    assert (len(made.statements), made.remove, made.missing) == (1, [bobby.id], [])
    assert made.claims.ghosts == []


def test_what_the_server_claims_is_an_alarm_once_and_changes_nothing() -> None:
    """M21: a ghost is named and not added; someone dropped is named and not removed."""
    alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
    log = room_of(alice, bobby)
    made = planned(alice, log, missing=[lurker], leaving=[bobby])
    assert (made.statements, made.remove, made.missing) == ([], [], [])
    assert planned(alice, log, missing=[lurker], leaving=[bobby]).claims == made.claims
    told = [one.detail for one in alarms.load(alice.connection)]
    assert told == [
        "The server lists lurker as a member; no member admitted them. Nothing is sent to them.",
        report.dropped_words(bobby.user),
    ]
    assert report.claims_of(alice.connection, ROOM) == made.claims
    for one in alarms.load(alice.connection):
        alice.run(alarms.dismiss, one.id)
    planned(alice, log, missing=[lurker], leaving=[bobby])
    assert alarms.load(alice.connection) == []  # told once
    planned(alice, log)
    assert alarms.load(alice.connection) == []


def test_a_ghost_whom_members_removed_is_named_with_who_did_it() -> None:
    """M21: also before the removal is executed; someone never admitted has the sentence of before."""
    alice, bobby, carol, davey = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice, bobby, carol)
    kick = alice.sign(log, lambda r: act(log, r, bobby, Remove))
    log.add(alice.user, Kicked(who=bobby.user, statement=kick))
    alice.sync(log)
    ban = alice.sign(log, lambda r: act(log, r, davey, Remove, True))
    log.add(alice.user, Banned(who=davey.user, statement=ban))
    left = carol.sign(log, lambda r: act(log, r, carol, Remove))
    log.add(carol.user, Left(statement=left))
    alice.sync(log)
    others = [bobby, carol, davey]
    executed = planned(alice, log, missing=[davey], leaving=[bobby, carol])
    log.commit(alice, alice.make_commit(ROOM, alice.wanted(log, 7, {}, executed)))
    alice.sync(log)
    for one in alarms.load(alice.connection):
        alice.run(alarms.dismiss, one.id)
    alice.run(lambda c: c.execute("DELETE FROM alarms"))
    alice.run(lambda c: c.execute("DELETE FROM mls_claims"))
    made = planned(alice, log, missing=[*others, Device("lurker")])
    told = [
        f"The server lists {user} as a member; {why}. Nothing is sent to them."
        for user, why in (
            ("bobby", "alice removed them"),
            ("carol", "they left"),
            ("davey", "alice banned them"),
            ("lurker", "no member admitted them"),
        )
    ]
    assert [one.detail for one in alarms.load(alice.connection)] == told
    assert list(report.claim_words(made.claims, roster_of(alice, log))) == told
    assert {one.about.partition("/")[0] for one in alarms.load(alice.connection)} == {ROOM}
    lifted = alice.sign(log, lambda r: act(log, r, davey, Unban))
    execution = Execution(Millis(log.now), alice.user, [alice.id], lambda *_: True)
    roster = roster_of(alice, log).applied(statements.statement_of(bytes(lifted)), execution)
    assert "no member admitted them again" in report.ghost_words(davey.user, roster)


def test_the_servers_word_on_an_invitation_admits_no_one() -> None:
    """An event that says that alice invited lurker, without her signature."""
    alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
    log = room_of(alice, bobby)
    log.add(lurker.user, Joined())
    forged = signed(lurker.own, act(log, roster_of(alice, log), lurker, Admit, lurker.account.public))
    log.add(lurker.user, Joined(statement=StatementBytes(forged)))
    alice.sync(log)
    made = planned(alice, log, missing=[lurker])
    assert (made.statements, made.claims.ghosts) == ([], [lurker.user])


def test_a_row_says_who_did_what_and_each_name_once() -> None:
    """The author stands before it: what others have signed is reported as theirs."""
    alice, bobby, carol, davey = (Device(name) for name in ("alice", "bobby", "carol", "davey"))
    log = room_of(alice)

    def row() -> str:
        for device in (alice, bobby):
            device.sync(log)
        note = alice.receipts[-1].items[-1].note
        assert note is not None
        return f"{log.events[-1].author} {note.detail}"

    def executed(by: Device, statement: bytes, remove: Sequence[Device] = ()) -> str:
        made = Plan([statement], [], [one.id for one in remove], [], ServerClaims())
        by.sync(log)
        log.commit(by, by.make_commit(ROOM, by.wanted(log, log.now, {}, made)))
        return row()

    log.commit(alice, alice.stage(log, 5, [bobby, carol]))
    assert row() == "alice added 2 devices of bobby, carol; let bobby in; let carol in"
    promoted = bytes(alice.sign(log, lambda r: act(log, r, bobby, SetRole, Role.MODERATOR)))
    assert executed(alice, promoted) == "alice made bobby a moderator"
    removal = bytes(bobby.sign(log, lambda r: act(log, r, carol, Remove)))
    assert executed(alice, removal, [carol]) == "alice removed a device of carol; bobby removed carol"
    ban = bytes(alice.sign(log, lambda r: act(log, r, davey, Remove, True)))
    assert executed(bobby, ban) == "bobby recorded that alice banned davey"


def test_a_role_is_what_an_owner_signed() -> None:
    """It moves with the epoch; the same statement counts once."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    statement = bytes(alice.sign(log, lambda r: act(log, r, bobby, SetRole, Role.MODERATOR)))
    wanted = alice.wanted(log, 5, {}, Plan([statement], [], [], [], ServerClaims()))
    log.commit(alice, alice.make_commit(ROOM, wanted))
    for device in (alice, bobby, carol):
        device.sync(log)
    person = roster_of(carol, log).person(bobby.user)
    assert isinstance(person, Person)
    assert person.role is Role.MODERATOR
    bobby.sign(log, lambda r: act(log, r, carol, Remove))


def test_a_bad_statement_is_no_evidence() -> None:
    """Not MessagePack, another form of the same, a statement that no one signed."""
    for data in (b"x", b"\x92\x90\x90", evidence(b"nothing")):
        with pytest.raises(RuleBrokenError):
            statements.statement_of(Evidence.read(data).statements[0])


def test_a_device_that_refused_follows_what_is_right_afterwards() -> None:
    """The false commit is told, the genuine one behind it is followed."""
    alice, bobby, lurker = Device("alice"), Device("bobby"), Device("lurker")
    log = room_of(alice, bobby)
    handshake(log, alice, commit_of(alice, log, add_proposal(lurker.package())), added=(lurker.id,))
    refused(bobby, log)
    alice.receive(log.events[alice.cursor(log) :])
    alice.commit(log, 9)
    bobby.sync(log)
    assert bobby.status(log).status is GroupStatus.ACTIVE
