"""Nobody is in a room without their consent, or after it was taken back: what each device checks."""

from collections.abc import Sequence

import pytest
from msgspec import structs
from tests.client.core.e2ee.group.test_membership import act, joins, people, roster_of, state_of
from tests.client.core.e2ee.group_world import ROOM, SERVER, START, Device, Log, agree, request, room_of
from tests.client.core.e2ee.hostile_commits import commit_of, handshake

from parlour_client.core.archive import key_log_copy
from parlour_client.core.e2ee.errors import NotReadyError
from parlour_client.core.e2ee.group import plan, rollback, statements
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.group.plan import Clocks, Plan, admission, signed
from parlour_client.core.e2ee.group.rules import Evidence, extensions_of, statement_of
from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.core.model import NoteKind
from parlour_mls import GroupContextExtensions, remove_proposal
from parlour_protocol.frames.bodies import Banned, Invited, Joined, Kicked, Uninvited
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import Execution, Remove, Request, SetRole, Statement, Withdraw, digest_of
from parlour_protocol.rooms import Role, RoomKind

DAY = 86_400_000


def plan_at(
    device: Device, log: Log, missing: Sequence[Device] = (), *, days: float = 0, server: float = 0
) -> Plan:
    """Plan the next commit with clocks so many days ahead."""
    device.read_key_log()
    now = Millis(log.now + int(days * DAY))
    clocks = Clocks(now, Millis(log.now + int(server * DAY)))
    return device.run(plan.plan, device.groups, log.room, state_of(device, log, missing), None, clocks)


def executes(device: Device, log: Log, made: Plan, add: Sequence[Device] = (), *, days: float = 0) -> None:
    """Commit what a plan says, with the clock of the device."""
    packages = {one.id: one.package() for one in add}
    here = Millis(log.now + int(days * DAY))
    wanted = CommitRequest(
        request(log.now % 10**9), packages, made.remove, Millis(log.now), here, made.statements,
        made.revocations,
    )  # fmt: skip
    log.commit(device, device.make_commit(ROOM, wanted))
    device.sync(log)


def invites(log: Log, by: Device, who: Device, *, at: int | None = None) -> Statement:
    """Invite someone, without their answer."""
    now = Millis(log.now if at is None else at)
    data = by.sign(log, lambda roster: admission(roster, who.user, who.account.public, now))
    log.add(by.user, Invited(who=who.user, statement=data))
    return statement_of(bytes(data))


def accepts(log: Log, who: Device, invitation: Statement) -> None:
    """Let someone accept an invitation."""
    accepted = StatementBytes(who.accepts(invitation, log).data)
    log.add(who.user, Joined(statement=StatementBytes(invitation.data), acceptance=accepted))


def withdraws(log: Log, by: Device, invitation: Statement) -> StatementBytes:
    """Sign that an invitation is withdrawn."""
    return by.sign(
        log,
        lambda r: Withdraw(SERVER, log.room, r.serial, Millis(log.now), invitation.act.who, invitation.data),
    )


def seal(device: Device, log: Log, number: int) -> None:
    """Try to send."""
    device.seal(log, number, "to whom?")


# --- consent


def test_who_did_not_accept_is_not_added() -> None:
    """Declined or unanswered: the server says that they joined, and shows the admission; it is a claim."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    invitation = invites(log, alice, mallory)
    log.add(mallory.user, Joined(statement=StatementBytes(invitation.data)))
    bobby.sync(log)
    made = plan_at(bobby, log, [mallory])
    assert (made.statements, made.missing) == ([], [])
    assert (made.claims.unaccepted, made.claims.ghosts) == ([mallory.user], [])


def test_an_acceptance_of_another_admission_is_none() -> None:
    """It names one: neither that of another inviter, nor an earlier one of the same."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    first, second = invites(log, alice, mallory), invites(log, alice, mallory)
    accepted = StatementBytes(mallory.accepts(first, log).data)
    log.add(alice.user, Uninvited(who=mallory.user, statement=withdraws(log, alice, first)))
    log.add(mallory.user, Joined(statement=StatementBytes(second.data), acceptance=accepted))
    bobby.sync(log)
    assert plan_at(bobby, log, [mallory]).missing == []


@pytest.mark.parametrize(
    ("days", "server", "added"), [(13, 13, True), (15, 15, False), (13.5, 14.2, False), (14.2, 13.5, False)]
)
def test_an_invitation_ends_by_both_clocks(*, days: float, server: float, added: bool) -> None:
    """That of the device that would add someone, and the server's; whoever follows has no say in it."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    accepts(log, mallory, invites(log, alice, mallory))
    bobby.sync(log)
    made = plan_at(bobby, log, [mallory], days=days, server=server)
    assert bool(made.missing) is added
    if not added:
        assert "it ended on" in made.claims.void[0][1]


@pytest.mark.parametrize("days", [-2.0, 2.0])
def test_a_device_whose_clock_is_wrong_adds_no_one(days: float) -> None:
    """A day away from the server's, or put back: it leaves that to others, and says so."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    accepts(log, mallory, invites(log, alice, mallory))
    bobby.sync(log)
    made = plan_at(bobby, log, [mallory], days=days)
    assert (made.statements, made.missing) == ([], [])
    assert plan_at(bobby, log, [mallory]).missing == [mallory.id]
    assert plan_at(bobby, log, [mallory], days=1, server=1).missing == [mallory.id]
    assert plan_at(bobby, log, [mallory], days=0.5, server=0.6).missing == []  # it was put back


def test_a_follower_never_refuses_by_its_own_clock() -> None:
    """Clocks days apart: what holds by the commit's own time is followed, and told if that is far off."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    accepts(log, mallory, invites(log, alice, mallory))
    alice.sync(log)
    made = plan_at(alice, log, [mallory])
    executes(alice, log, made, [mallory], days=8)
    bobby.sync(log)
    mallory.sync(log)
    agree(log, alice, bobby, mallory)
    note = bobby.receipts[-1].items[-1].note
    assert note is not None
    assert "days ahead of this one's" in note.detail


def test_an_admission_that_is_dated_ahead_waits() -> None:
    """Else an inviter could make it last as long as they like; honest clocks are less than a day apart."""
    alice, bobby, mallory, carol = (Device(one) for one in ("alice", "bobby", "mallory", "carol"))
    log = room_of(alice, bobby)
    accepts(log, carol, invites(log, alice, carol, at=log.now + int(0.9 * DAY)))
    bobby.sync(log)
    assert plan_at(bobby, log, [carol]).missing == [carol.id]
    accepts(log, mallory, invites(log, alice, mallory, at=log.now + 9 * DAY))
    bobby.sync(log)
    made = plan_at(bobby, log, [mallory])
    assert made.missing == []
    assert "dated ahead" in made.claims.void[0][1]


# --- what is taken back


def test_a_withdrawn_invitation_adds_no_one_when_it_is_shown_again() -> None:
    """Not after a commit has executed the withdrawal, nor before; the inviter's device names it."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    invitation = invites(log, alice, mallory)
    log.add(alice.user, Uninvited(who=mallory.user, statement=withdraws(log, alice, invitation)))
    accepts(log, mallory, invitation)  # the server let them
    for device in (alice, bobby):
        device.sync(log)
        made = plan_at(device, log, [mallory])
        assert made.missing == []
    assert made.claims.void == [
        (mallory.user, "The invitation of mallory by alice is void: it was withdrawn.")
    ]
    executes(bobby, log, made)
    alice.sync(log)
    assert roster_of(alice, log).person(alice.user).withdrawn == (invitation.digest,)  # type: ignore[union-attr]
    made = plan_at(alice, log, [mallory])
    assert (made.statements, made.missing) == ([], [])
    words = "The server shows an invitation of mallory that you withdrew. Nobody is added."
    assert made.claims.void == [(mallory.user, words)]


def test_a_withdrawal_that_came_too_late_removes_again_and_nothing_is_sent_before() -> None:
    """Bobby's device was not shown it and adds her; who knows it holds, removes her, and then sends."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    invitation = invites(log, alice, mallory)
    data = withdraws(log, alice, invitation)
    alice.run(statements.learn, ROOM, bytes(data))
    accepts(log, mallory, invitation)
    bobby.sync(log)
    executes(bobby, log, plan_at(bobby, log, [mallory]), [mallory])
    bobby.say(log, 30, "read by mallory")
    receipt = alice.receive(log.events[alice.cursor(log) :])
    assert receipt.unexecuted
    assert receipt.contest is None
    assert people(alice, log) == ["alice", "bobby", "mallory"]  # it follows the keys
    with pytest.raises(
        NotReadyError, match="mallory must be removed from the room's keys first: alice withdrew"
    ):
        seal(alice, log, 31)
    made = plan_at(alice, log)
    assert made.remove == [mallory.id]
    executes(alice, log, made)
    for device in (alice, bobby):
        device.sync(log)
        assert people(device, log) == ["alice", "bobby"]
    agree(log, alice, bobby)
    seal(alice, log, 32)


def test_a_message_carries_what_the_roster_lacks() -> None:
    """The server showed alice's withdrawal to bobby alone: his next message tells carol, who names it."""
    alice, bobby, carol, mallory = (Device(name) for name in ("alice", "bobby", "carol", "mallory"))
    log = room_of(alice, bobby, carol)
    invitation = invites(log, alice, mallory)
    for device in (alice, bobby, carol):
        device.sync(log)
    data = withdraws(log, alice, invitation)
    told = log.add(alice.user, Uninvited(who=mallory.user, statement=data))
    bobby.sync(log)
    bobby.say(log, 40, "hello")
    other = Uninvited(who=mallory.user)  # what the server shows carol in its place
    shown = [structs.replace(event, body=other) if event.seq == told.seq else event for event in log.events]
    receipt = carol.receive(shown[carol.cursor(log) :])
    assert receipt.unexecuted
    note = receipt.items[-1].note
    assert note is not None
    assert f"bobby was shown that alice withdrew the invitation of mallory (number {told.seq})" in note.detail
    assert len(plan_at(carol, log).statements) == 1
    assert plan_at(bobby, log).statements == plan_at(carol, log).statements


def test_what_an_honest_server_showed_is_no_accusation() -> None:
    """The same entry, where the event came; and where it is from before this device began."""
    alice, bobby, carol, mallory = (Device(name) for name in ("alice", "bobby", "carol", "mallory"))
    log = room_of(alice, bobby)
    invitation = invites(log, alice, mallory)
    alice.sync(log)
    log.add(alice.user, Uninvited(who=mallory.user, statement=withdraws(log, alice, invitation)))
    for device in (alice, bobby):
        device.sync(log)
    alice.commit(log, 41, [carol])
    for device in (bobby, carol):
        device.sync(log)
    bobby.say(log, 42, "hello")
    for device in (alice, carol):
        note = device.receive(log.events[device.cursor(log) :]).items[-1].note
        assert note is None or note.kind is not NoteKind.FORGED


def test_an_inviter_who_left_meanwhile_has_admitted_no_one() -> None:
    """Bobby invites, is kicked and comes back: his old invitation stays void."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    invitation = invites(log, bobby, mallory)
    log.add(
        alice.user, Kicked(who=bobby.user, statement=alice.sign(log, lambda r: act(log, r, bobby, Remove)))
    )
    alice.sync(log)
    executes(alice, log, plan_at(alice, log))
    accepts(log, mallory, invitation)
    alice.sync(log)
    assert plan_at(alice, log, [mallory]).missing == []
    joins(log, alice, bobby)
    alice.sync(log)
    executes(alice, log, plan_at(alice, log, [bobby]), [bobby])
    assert people(alice, log) == ["alice", "bobby"]
    made = plan_at(alice, log, [mallory])
    assert (made.statements, made.missing) == ([], [])
    assert made.claims.void == [
        (mallory.user, "The invitation of mallory by bobby is void: bobby left since.")
    ]


# --- bans


def test_a_ban_by_someone_who_did_not_know_of_the_join_is_carried_out() -> None:
    """A plain race, no malice: mallory came first; a moderator's device removes her all the same."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    ban = alice.sign(log, lambda r: act(log, r, mallory, Remove, True))
    joins(log, alice, mallory)
    bobby.sync(log)
    executes(bobby, log, plan_at(bobby, log, [mallory]), [mallory])
    log.add(alice.user, Banned(who=mallory.user, statement=ban))
    for device in (alice, bobby):
        device.sync(log)
        with pytest.raises(NotReadyError, match="alice banned mallory"):
            seal(device, log, 50)
    assert plan_at(bobby, log).remove == []  # a member must not carry out a ban whose date it writes
    made = plan_at(alice, log)
    assert made.remove == [mallory.id]
    executes(alice, log, made)
    bobby.sync(log)
    assert people(bobby, log) == ["alice", "bobby"]
    seal(bobby, log, 51)


@pytest.mark.parametrize(
    ("days", "server", "added"), [(4, 4, True), (2, 2, False), (3.2, 2.5, False), (2.5, 3.2, False)]
)
def test_a_timed_ban_ends_by_the_clocks_of_who_adds_and_of_the_server(
    *, days: float, server: float, added: bool
) -> None:
    """What mallory dates ahead does not end it."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby, kind=RoomKind.PUBLIC)
    until = Millis(log.now + 3 * DAY)
    ban = alice.sign(log, lambda r: act(log, r, mallory, Remove, True, until))
    log.add(alice.user, Banned(who=mallory.user, statement=ban, until=until))
    bobby.sync(log)
    executes(bobby, log, plan_at(bobby, log))
    alice.sync(log)
    asked = Request(SERVER, ROOM, 0, Millis(log.now + 10 * DAY), mallory.user, digest_of(bytes(ban)))
    log.add(mallory.user, Joined(statement=StatementBytes(signed(mallory.own, asked))))
    bobby.sync(log)
    assert plan_at(bobby, log, [mallory]).missing == []
    asked = Request(SERVER, ROOM, 0, Millis(log.now), mallory.user, digest_of(bytes(ban)))
    log.add(mallory.user, Joined(statement=StatementBytes(signed(mallory.own, asked))))
    bobby.sync(log)
    made = plan_at(bobby, log, [mallory], days=days, server=server)
    assert bool(made.missing) is added


def test_a_second_request_does_not_survive_a_kick() -> None:
    """However it is dated: it names the removal that it follows."""
    alice, mallory = Device("alice"), Device("mallory")
    log = room_of(alice, kind=RoomKind.PUBLIC)

    def asks(at: int, after: bytes) -> None:
        asked = Request(SERVER, ROOM, 0, Millis(at), mallory.user, after)
        log.add(mallory.user, Joined(statement=StatementBytes(signed(mallory.own, asked))))
        alice.sync(log)

    asks(log.now, bytes(32))
    executes(alice, log, plan_at(alice, log, [mallory]), [mallory])
    kick = alice.sign(log, lambda r: act(log, r, mallory, Remove))
    log.add(alice.user, Kicked(who=mallory.user, statement=kick))
    alice.sync(log)
    executes(alice, log, plan_at(alice, log))
    asks(log.now + DAY // 48, bytes(32))
    assert plan_at(alice, log, [mallory]).missing == []
    asks(log.now, digest_of(bytes(kick)))
    assert plan_at(alice, log, [mallory]).missing == [mallory.id]


# --- keys


def test_a_member_gives_no_one_a_key_that_they_made_up() -> None:
    """Not even an owner's: only what the key log has had, read to its end, is a new key of someone."""
    alice, bobby, carol = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, carol)
    false = Device("alice", account=AccountKey.generate())
    invitation = statement_of(
        signed(bobby.own, admission(roster_of(bobby, log), alice.user, false.account.public, Millis(log.now)))
    )
    accepted = false.accepts(invitation, log)
    stored = bobby.groups.stored(bobby.connection, ROOM)
    execution = Execution(Millis(log.now), bobby.user, statements.devices_of(stored), lambda *_: True)
    after = stored.rules.roster.applied(invitation, execution, accepted)
    evidence = Evidence.of(Millis(log.now), [accepted.data, invitation.data], ()).encode()
    proposals = [remove_proposal(0), GroupContextExtensions(extensions_of(after))]
    handshake(log, bobby, commit_of(bobby, log, *proposals, evidence=evidence), removed=(alice.id,))
    receipt = carol.receive(log.events[carol.cursor(log) :])
    assert receipt.needs_key_log is not None  # it does not decide before it has read the log
    assert receipt.items == []
    carol.run(key_log_copy.set_account, alice.user, alice.account.public, Millis(log.now), 1)
    again = carol.receive(log.events[carol.cursor(log) :], key_log_read=True)
    assert "is not a new one of theirs" in again.items[-1].trouble
    assert again.contest is not None


def test_a_new_key_that_is_in_the_key_log_is_followed() -> None:
    """The person accepted under it; their devices with the earlier key go."""
    alice, bobby, old = Device("alice"), Device("bobby"), Device("carol")
    log = room_of(alice, bobby, old)
    carol = Device("carol", account=AccountKey.generate())
    for device in (alice, bobby):
        device.read_key_log()
    joins(log, alice, carol)
    alice.sync(log)
    made = plan_at(alice, log, [carol])
    assert (made.missing, made.remove) == ([carol.id], [old.id])
    executes(alice, log, made, [carol])
    bobby.sync(log)
    carol.sync(log)
    agree(log, alice, bobby, carol)


# --- memory


def test_what_was_seen_signed_is_not_forgotten_when_the_history_is_older() -> None:
    """The server lost the withdrawal, and all since: the device has it, and so has its next group."""
    alice, mallory = Device("alice"), Device("mallory")
    log = room_of(alice)
    invitation = invites(log, alice, mallory)
    alice.sync(log)
    shared = alice.cursor(log)
    log.add(alice.user, Uninvited(who=mallory.user, statement=withdraws(log, alice, invitation)))
    alice.sync(log)
    alice.run(rollback.rolled_back, alice.groups, ROOM, shared, alice.cursor(log), Millis(log.now))
    known = statements.withdrawals(alice.connection, ROOM, invitation.digest)
    assert len(known) == 1
    assert statements.subtracting(alice.connection, roster_of(alice, log)) == known


def test_statements_of_strangers_do_not_fill_the_disk() -> None:
    """Of each person the newest are kept, removals before the rest; of all strangers together some."""
    alice, bobby = Device("alice"), Device("bobby")
    log = room_of(alice, bobby, kind=RoomKind.PUBLIC)
    alice.sync(log)
    kick = bytes(alice.sign(log, lambda r: act(log, r, bobby, Remove)))
    alice.run(statements.learn, ROOM, kick)

    def stored(signer: str) -> int:
        query = "SELECT count(*) FROM mls_statements WHERE signer = ?"
        return int(str(next(alice.connection.execute(query, (signer,)))[0]))

    stranger = Device("stranger")
    for number in range(statements.OF_EACH + 5):
        given = signed(
            alice.own,
            act(log, roster_of(alice, log), Device(f"guest{number}", stranger.account), SetRole, Role.MEMBER),
        )
        alice.run(statements.learn, ROOM, given)
    assert stored("alice") == statements.OF_EACH
    assert statements.is_known(alice.connection, ROOM, statement_of(kick))


def test_a_stolen_key_that_was_replaced_is_no_new_one() -> None:
    """The log has had it, but not after the one that she has now."""
    alice, old = Device("alice"), AccountKey.generate().public
    certificate = key_log_copy.certificate_id(b"an earlier certificate")
    query = "INSERT INTO log_certificates VALUES (?, 'alice', 'laptop', ?, x'', 3)"
    alice.run(lambda connection: connection.execute(query, (certificate, old)))
    alice.run(key_log_copy.set_account, alice.user, alice.account.public, Millis(START), 7)
    had = key_log_copy.had_key
    assert not had(alice.connection, alice.user, alice.account.public, old)
    assert had(alice.connection, alice.user, old, alice.account.public)
    assert not had(alice.connection, alice.user, old, old)


def test_someone_who_was_kicked_before_they_were_added_stays_out() -> None:
    """They had accepted; the kick is carried out though they are not in yet, and voids the invitation."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    joins(log, bobby, mallory)
    kick = alice.sign(log, lambda r: act(log, r, mallory, Remove))
    log.add(alice.user, Kicked(who=mallory.user, statement=kick))
    for device in (bobby, alice):
        device.sync(log)
    made = plan_at(bobby, log, [mallory])
    assert (list(made.statements), made.missing) == ([bytes(kick)], [])
    executes(bobby, log, made)
    alice.sync(log)
    agree(log, alice, bobby)
    assert plan_at(alice, log, [mallory]).statements == []
    assert people(alice, log) == ["alice", "bobby"]


def test_a_commit_keeps_its_order() -> None:
    """A withdrawal that holds only once its person was removed is for the next one: else no one follows."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    joins(log, alice, mallory)
    alice.sync(log)
    spare = invites(log, bobby, mallory)
    executes(alice, log, plan_at(alice, log, [mallory]), [mallory])
    alice.run(statements.learn, ROOM, bytes(alice.sign(log, lambda r: act(log, r, mallory, Remove))))
    alice.run(statements.learn, ROOM, bytes(withdraws(log, bobby, spare)))
    alice.sync(log)
    for _round in range(2):
        made = plan_at(alice, log)
        if made.statements:
            executes(alice, log, made)
        bobby.sync(log)
        agree(log, alice, bobby)
    assert people(bobby, log) == ["alice", "bobby"]


def test_a_ban_whose_date_alone_decides_is_left_to_who_has_the_right_time() -> None:
    """A moderator's clock four days behind does not put the ban over someone who came when it had ended."""
    alice, bobby, mallory = Device("alice"), Device("bobby"), Device("mallory")
    log = room_of(alice, bobby)
    ban = alice.sign(log, lambda r: act(log, r, mallory, Remove, True, Millis(log.now + 2 * DAY)))
    log.now += 4 * DAY
    joins(log, alice, mallory)
    alice.sync(log)
    executes(alice, log, plan_at(alice, log, [mallory]), [mallory])
    log.add(alice.user, Banned(who=mallory.user, statement=ban))
    alice.sync(log)
    assert plan_at(alice, log, days=-4).remove == []
    assert plan_at(alice, log).remove == []  # it has ended
