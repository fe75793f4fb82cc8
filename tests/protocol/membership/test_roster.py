"""The roster of a room: who may admit and remove, what is void, and what a newcomer checks."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.protocol.identity.signing import NOW, SERVER, holds
from tests.protocol.membership.people import (
    DAY,
    ROOM,
    accept,
    account,
    admit,
    after,
    devices,
    execution,
    give,
    name,
    remove,
    request,
    room,
    stated,
    unban,
    users,
    withdraw,
)

from parlour_protocol.identity import StatementError
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.membership import (
    ADMISSION_LASTS,
    MARGIN,
    NEVER_REMOVED,
    Admit,
    Execution,
    NotAcceptedError,
    NotAllowedError,
    Person,
    Request,
    Roster,
    Statement,
)
from parlour_protocol.membership.roster import WITHDRAWN_PER_PERSON
from parlour_protocol.rooms import Role, RoomKind


def refused(
    roster: Roster, statement: Statement, why: str, within: Execution | None = None, *, accepted: bool = True
) -> None:
    """Require that a statement is refused for this reason, also if the person whom it admits accepted."""
    admits = accepted and isinstance(statement.act, Admit) and roster.kind is not RoomKind.DIRECT
    statements = [accept(statement), statement] if admits else [statement]
    with pytest.raises(NotAllowedError, match=why):
        roster.after(statements, execution() if within is None else within)


def proven(roster: Roster, known: Roster | None = None, *, succeeds: bool = True) -> None:
    """Require that a roster that someone shows is proven."""
    roster.require_proofs(holds, lambda _who, _before, _now: succeeds, known)


def entry(roster: Roster, who: str) -> Person:
    """Return the entry of someone in the room."""
    found = roster.person(name(who))
    assert found is not None
    return found


def test_a_member_admits_someone() -> None:
    """The newcomer is a member, under the key that was admitted, by the one who signed it."""
    roster = after(room(), admit(room(), "ben"))
    ben = entry(roster, "ben")
    assert (ben.role, ben.by, ben.account_key, ben.since) == (Role.MEMBER, name("ada"), account("ben"), 1)
    assert roster.admits(name("ben"), account("ben"))
    assert not roster.admits(name("ben"), account("ben", "2"))


def test_a_stranger_admits_no_one() -> None:
    """The admission of someone who is not in the room is refused, themselves included."""
    refused(room(), admit(room(), "spy", by="spy"), "spy, who signed it, is not in the room")
    refused(room(), admit(room(), "spy", by="lurker"), "lurker, who signed it, is not in the room")


def test_another_key_of_a_member_admits_no_one() -> None:
    """A false account key for a member, however it is certified, is not the member."""
    forged = stated(admit(room(), "spy").act, "ada", "2")
    refused(room(), forged, "is not in the room with that key")


def test_an_admission_for_another_room_or_of_the_future() -> None:
    """It is valid only for its room, and its signer cannot have known changes that never happened."""
    elsewhere = RoomId("AAAAAAAAAAAAAAAAAAAAAA")
    refused(
        room(),
        stated(replace(admit(room(), "ben").act, room=elsewhere), "ada"),
        "another room",
    )
    refused(room(), admit(room(), "ben", serial=1), "changes that never happened")


def test_an_admission_to_a_room_that_began_with_other_people() -> None:
    """A group that someone else began for the same room, in the same names, is not what was signed for."""
    honest, false = room(), room(RoomKind.PRIVATE, "spy", "ada")
    refused(false, admit(honest, "ben"), "began with other people")
    ben = after(honest, admit(honest, "ben")).people[1]
    ada, spy = false.people
    with pytest.raises(NotAllowedError, match="ben is in it, but no member admitted them"):
        proven(replace(false, serial=1, people=(ada, ben, spy)))
    with pytest.raises(NotAllowedError, match="did not begin with these people"):
        proven(replace(false, serial=5), honest)


def test_an_old_admission_does_not_bring_anyone_back() -> None:
    """What was signed before someone's removal is void; what is signed after it is not."""
    first = admit(room(), "ben")
    roster = after(room(), first)
    roster = after(roster, remove(roster, "ben"))
    refused(roster, first, "was removed, or has left, since")
    assert "ben" in users(after(roster, admit(roster, "ben")))


def test_an_old_removal_does_not_remove_someone_who_came_back() -> None:
    """A removal that the server replays after another admission is void."""
    roster = after(room(), admit(room(), "ben"))
    gone = remove(roster, "ben")
    roster = after(roster, gone)
    roster = after(roster, admit(roster, "ben"))
    refused(roster, gone, "joined after that was signed")


def test_who_may_remove() -> None:
    """Moderators and owners remove those below them; everyone leaves by themselves."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora", "dan")
    refused(roster, remove(roster, "cora", by="ben"), "needs the role moderator")
    roster = after(roster, give(roster, "ben", Role.MODERATOR))
    roster = after(roster, give(roster, "dan", Role.MODERATOR))
    refused(roster, remove(roster, "ada", by="ben"), "not below")
    refused(roster, remove(roster, "dan", by="ben"), "not below")
    assert users(after(roster, remove(roster, "cora", by="ben"))) == ["ada", "ben", "dan"]
    assert users(after(roster, remove(roster, "cora", by="cora"))) == ["ada", "ben", "dan"]


def test_who_may_give_roles() -> None:
    """Owners, to those below them; no one raises themselves, and an owner stays."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    refused(roster, give(roster, "cora", Role.MODERATOR, by="ben"), "needs the role owner")
    refused(roster, give(roster, "ben", Role.OWNER, by="ben"), "raise their own role")
    refused(roster, give(roster, "ada", Role.MEMBER, by="ada"), "needs an owner")
    roster = after(roster, give(roster, "ben", Role.OWNER))
    refused(roster, give(roster, "ben", Role.MEMBER), "not below")
    roster = after(roster, give(roster, "ada", Role.MEMBER, by="ada"))
    assert [one.role for one in roster.people] == [Role.MEMBER, Role.OWNER, Role.MEMBER]


def test_a_ban_keeps_someone_out_until_it_is_lifted() -> None:
    """Also by their own request into a public room, and someone who never was in it."""
    roster = room(RoomKind.PUBLIC)
    roster = after(roster, remove(roster, "ben", ban=True))
    refused(roster, request(roster, "ben"), "banned")
    refused(roster, admit(roster, "ben"), "banned")
    roster = after(roster, unban(roster, "ben"))
    assert users(after(roster, request(roster, "ben"))) == ["ada", "ben"]


def test_a_ban_ends_by_the_clock_of_the_commit() -> None:
    """Not by that of the banned person, who dates their request, or their accomplice an admission, later."""
    roster = after(room(RoomKind.PUBLIC, "ada", "spy"), remove(room(), "ben", ban=True, until=NOW + 1_000))
    dated_ahead = stated(replace(request(roster, "ben").act, at=NOW + 2_000), "ben")
    during, then = execution(NOW + 999, "spy"), execution(NOW + 1_000, "spy")
    refused(roster, dated_ahead, "banned", during)
    refused(roster, admit(roster, "ben", "spy", at=NOW + 2_000), "banned", during)
    assert users(roster.after([dated_ahead], then)) == ["ada", "ben", "spy"]


def test_requests_are_for_public_rooms() -> None:
    """One's own request lets one into a public room; not into another, and not under another's name."""
    refused(room(), request(room(), "ben"), "by invitation only")
    roster = after(room(RoomKind.PUBLIC), request(room(), "ben"))
    assert entry(roster, "ben").by == name("ben")
    refused(roster, request(roster, "ben", version="2"), "in the room already")


def test_an_old_request_does_not_bring_back_who_left() -> None:
    """The server cannot replay it: a request counts once, and only if it names the last departure."""
    first = request(room(), "ben")
    roster = after(room(RoomKind.PUBLIC), first)
    roster = after(roster, remove(roster, "ben", by="ben"))
    refused(roster, first, "was removed, or has left, since")
    again = request(roster, "ben")
    roster = after(roster, again)
    assert users(roster) == ["ada", "ben"]
    roster = after(roster, remove(roster, "ben"))
    refused(roster, again, "was removed, or has left, since")


def test_a_second_request_that_is_dated_ahead_does_not_survive_a_kick() -> None:
    """Requests are not ordered by the clock of the person who asks, but by what they follow."""
    roster = room(RoomKind.PUBLIC)
    ahead = stated(Request(SERVER, ROOM, 0, Millis(NOW + DAY), name("mallory"), NEVER_REMOVED), "mallory")
    roster = after(roster, request(roster, "mallory"))
    roster = after(roster, remove(roster, "mallory"))
    refused(roster, ahead, "was removed, or has left, since")


def test_a_request_is_taken_back() -> None:
    """Someone who leaves before any device added them is not added later, and not evicted by it for ever."""
    roster = room(RoomKind.PUBLIC)
    asked = request(roster, "ben")
    back = withdraw(roster, asked, "ben", serial=0)
    gone = after(roster, back)
    assert users(gone) == ["ada"]
    refused(gone, asked, "was removed, or has left, since")
    refused(gone, back, "void already")
    added = after(roster, asked)
    assert users(after(added, back)) == ["ada"]
    again = after(gone, request(gone, "ben"))
    refused(again, back, "void already")
    assert users(again) == ["ada", "ben"]
    invited = after(roster, admit(roster, "ben"))
    refused(invited, back, "void already")  # they came by another way


def test_a_direct_room_has_two_people_for_ever() -> None:
    """The founder admits the other one, and no one else comes, leaves or is removed."""
    roster = after(room(RoomKind.DIRECT), admit(room(RoomKind.DIRECT), "ben"))
    refused(roster, admit(roster, "cora"), "two people")
    refused(roster, admit(roster, "cora", by="ben"), "two people")
    refused(roster, remove(roster, "ben"), "direct room")
    refused(roster, remove(roster, "ben", by="ben"), "direct room")
    assert users(after(roster, admit(roster, "ben", version="2"))) == ["ada", "ben"]


def test_a_changed_key_takes_another_admission() -> None:
    """The person keeps their place and not their role, and an old admission is void."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    roster = after(roster, give(roster, "ben", Role.MODERATOR))
    ben = after(roster, admit(roster, "ben", by="cora", version="2")).person(name("ben"))
    assert ben is not None
    assert (ben.account_key, ben.role) == (account("ben", "2"), Role.MEMBER)
    changed = after(roster, admit(roster, "ben", version="2"))
    refused(changed, admit(changed, "ben", serial=0), "admitted with another key")


def test_a_member_cannot_put_a_key_that_they_made_up_in_someones_place() -> None:
    """An admission of someone who is in counts only for a later key of theirs in the key log."""
    roster = room(RoomKind.PRIVATE, "ada", "mallory")
    evicts = admit(roster, "ada", by="mallory", version="2")
    refused(roster, evicts, "not a new one of theirs", execution(by="mallory", succeeds=False))
    asked: list[tuple[str, bytes, bytes]] = []

    def succeeds(who: str, before: bytes, now: bytes) -> bool:
        asked.append((who, before, now))
        return True

    within = replace_succeeds(execution(by="mallory"), succeeds)
    changed = roster.after([accept(evicts), evicts], within)
    assert asked == [("ada", account("ada"), account("ada", "2"))]
    assert entry(changed, "ada").account_key == account("ada", "2")
    roster.after([accept(new := admit(roster, "ben")), new], within)
    assert len(asked) == 1  # someone who is not in has no key to replace
    with pytest.raises(NotAllowedError, match="the key of ada in it is not a new one"):
        proven(changed, roster, succeeds=False)
    proven(changed, roster)


def replace_succeeds(within: Execution, succeeds: Callable[[str, bytes, bytes], bool]) -> Execution:
    """Return the facts of a commit with another key log."""
    return Execution(within.at, within.by, within.devices, succeeds)


# --- consent


def test_nobody_is_added_without_their_acceptance() -> None:
    """Of that very admission, by the key that it names: not by another's, and not by the inviter's word."""
    roster = room(RoomKind.PRIVATE, "ada", "spy")
    invited, other = admit(roster, "ben"), admit(roster, "ben")
    refused(roster, invited, "ben has not accepted", accepted=False)
    wrong = [accept(other), accept(invited, version="2"), accept(invited, "spy"), invited]
    elsewhere = replace(accept(invited).act, room=RoomId("AAAAAAAAAAAAAAAAAAAAAA"))
    for acceptance in [*wrong, stated(elsewhere, "ben")]:
        with pytest.raises(NotAcceptedError, match="has not accepted"):
            roster.applied(invited, execution(), acceptance)
    assert users(roster.applied(invited, execution(), accept(invited))) == ["ada", "ben", "spy"]


def test_an_invitation_that_was_withdrawn_admits_nobody() -> None:
    """By the inviter, by a moderator or by the invited person; and only that one."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    invited, other = admit(roster, "mallory", "ben"), admit(roster, "mallory", "ben")
    for by in ("ben", "ada", "mallory"):
        void = after(roster, withdraw(roster, invited, by))
        refused(void, invited, "was withdrawn")
        assert "mallory" in users(after(void, other))
        refused(void, withdraw(roster, invited, by), "void already")
    refused(roster, withdraw(roster, invited, "cora"), "may not withdraw")
    refused(roster, withdraw(roster, invited, "ben", "2"), "may not withdraw")
    refused(roster, withdraw(roster, invited, "mallory", "2"), "may not withdraw")


def test_an_invitation_that_has_ended_admits_nobody() -> None:
    """By the clock of the device that makes the commit."""
    roster = room()
    invited = admit(roster, "ben")
    last = NOW + ADMISSION_LASTS
    refused(roster, invited, "has ended", execution(last + 1))
    assert users(after(roster, invited, at=last)) == ["ada", "ben"]


def test_an_invitation_by_someone_who_left_since_admits_nobody() -> None:
    """Not when they are back, either."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "mallory", "ben")
    roster = after(roster, remove(roster, "ben"))
    refused(roster, invited, "not in the room with that key")
    roster = after(roster, admit(roster, "ben"))
    refused(roster, invited, "ben has left since")
    refused(roster, withdraw(roster, invited), "void already")
    assert "mallory" in users(after(roster, admit(roster, "mallory", "ben")))


def test_a_withdrawal_that_comes_late_removes_the_person_again() -> None:
    """A race: ben's device adds mallory, whose invitation ada had withdrawn before she knew of it."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "mallory", "ben")
    late = withdraw(roster, invited, "ben")
    joined = after(roster, invited)
    assert users(after(joined, late)) == ["ada", "ben"]
    knowing = withdraw(joined, invited, "ben")
    refused(joined, knowing, "mallory is in the room already")
    assert users(after(joined, withdraw(joined, invited, "ada"))) == ["ada", "ben"]  # a moderator may
    assert users(after(joined, withdraw(joined, invited, "mallory", serial=0))) == ["ada", "ben"]


def test_a_withdrawal_does_not_remove_someone_who_was_given_a_role_or_came_again() -> None:
    """Else every inviter could keep one, and remove their own invitee years later."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "cora", "ben")
    kept = withdraw(roster, invited, "ben")
    joined = after(roster, invited)
    given = after(joined, give(joined, "cora", Role.MODERATOR))
    given = after(given, give(given, "cora", Role.MEMBER))
    refused(given, kept, "cora is in the room already")
    gone = after(joined, remove(joined, "cora"))
    again = after(gone, admit(gone, "cora", "ben"))
    assert "cora" in users(after(again, kept))  # it voids the old admission, once more, and removes no one


def test_someone_who_was_thrown_out_removes_their_invitee_only_while_the_invitation_would_last() -> None:
    """They can date a withdrawal back; the commit that executes it cannot be dated for ever."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "cora", "ben")
    kept = withdraw(roster, invited, "ben")
    roster = after(roster, invited)
    roster = after(roster, remove(roster, "ben"))
    refused(roster, kept, "cora is in the room already", execution(NOW + ADMISSION_LASTS + 1))
    assert users(after(roster, kept)) == ["ada"]


def test_a_device_outside_of_the_group_speaks_for_no_member() -> None:
    """A revoked one, say; but what it withdrew stays withdrawn, as by someone who is not in the room."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "mallory", "ben")
    outside = execution(inside=devices(without="ben"))
    for statement in (invited, remove(roster, "ben", "ben")):
        refused(roster, statement, "is not in the group", outside)
    theirs = admit(roster, "mallory")
    late = withdraw(roster, theirs, "ben")
    moderator = after(roster, give(roster, "ben", Role.MODERATOR))
    refused(moderator, late, "may not withdraw", outside)
    assert entry(moderator.after([late], execution()), "ada").withdrawn
    joined = after(roster, invited)
    early = withdraw(roster, invited, "ben")
    assert users(joined.after([early], outside)) == ["ada", "ben"]
    ended = execution(NOW + ADMISSION_LASTS + 1, inside=devices(without="ben"))
    refused(joined, early, "mallory is in the room already", ended)
    assert users(joined.after([early], execution(NOW + ADMISSION_LASTS + 1))) == ["ada", "ben"]
    gone = after(joined, remove(joined, "ben", "ben"))
    nobody = execution(inside=devices(without="mallory"))
    assert users(gone.after([withdraw(roster, invited, "ben")], outside)) == ["ada"]
    assert entry(roster.after([withdraw(roster, invited, "mallory", serial=0)], nobody), "ben").withdrawn


def test_more_withdrawals_than_are_listed() -> None:
    """All that their inviter signed until then is void; what they sign afterwards is not."""
    roster = start = room(RoomKind.PRIVATE, "ada", "ben")
    other = admit(roster, "cora", "ben")
    for _number in range(WITHDRAWN_PER_PERSON):
        roster = after(roster, withdraw(roster, admit(start, "mallory", "ben"), "ben"))
    assert len(entry(roster, "ben").withdrawn) == WITHDRAWN_PER_PERSON
    known = roster
    roster = after(roster, withdraw(roster, admit(start, "mallory", "ben"), "ben"))
    assert (entry(roster, "ben").withdrawn, entry(roster, "ben").void) == ((), roster.serial)
    refused(roster, other, "was withdrawn")
    refused(roster, withdraw(roster, other), "void already")
    assert "cora" in users(after(roster, admit(roster, "cora", "ben")))
    proven(roster, known)


def test_a_commit_subtracts_first() -> None:
    """What is withdrawn, removed or banned in a commit admits nobody in it; each kind has its place."""
    roster = room(RoomKind.PUBLIC, "ada", "ben")
    invited = admit(roster, "mallory", "ben")
    void, kick, asked = withdraw(roster, invited), remove(roster, "ben"), request(roster, "cora")
    for wrong in (
        [accept(invited), invited, void],
        [kick, void],
        [asked, kick],
        [give(roster, "ben", Role.MODERATOR), kick],
    ):
        with pytest.raises(NotAllowedError, match="not in their order"):
            roster.after(wrong, execution())
    for alone in ([accept(invited)], [accept(invited), accept(invited), invited], [accept(invited), asked]):
        with pytest.raises(NotAllowedError, match="an acceptance without its admission"):
            roster.after(alone, execution())
    with pytest.raises(NotAllowedError, match="was withdrawn"):
        roster.after([void, accept(invited), invited], execution())
    assert users(roster.after([void, kick, asked], execution())) == ["ada", "cora"]


# --- bans that last


def test_a_ban_that_was_signed_before_the_join_removes_the_person_all_the_same() -> None:
    """A plain race; but only by a device of someone who may, as the date of a commit can be put back."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    invited = admit(roster, "mallory", "ben")
    ban = remove(roster, "mallory", ban=True, until=NOW + DAY)
    joined = after(roster, invited)
    refused(joined, ban, "ben may not remove them", execution(by="ben"))
    refused(joined, ban, "joined after that was signed", execution(NOW + DAY))
    assert "mallory" not in users(after(joined, ban))
    anyone = execution(by=None)
    assert "mallory" not in users(joined.after([ban], anyone))  # a sender asks so whether to wait
    moderator = after(joined, give(joined, "mallory", Role.OWNER))
    refused(moderator, ban, "role is not below")


def test_a_kick_voids_what_would_let_someone_in() -> None:
    """Someone who accepted or asked, and was kicked before any device had added them, stays out."""
    roster = room(RoomKind.PUBLIC, "ada", "ben")
    invited, asked, kick = (
        admit(roster, "mallory", "ben"),
        request(roster, "mallory"),
        remove(roster, "mallory"),
    )
    out = after(roster, kick)
    refused(out, invited, "was removed, or has left, since")
    refused(out, asked, "was removed, or has left, since")
    refused(out, kick, "not in the room")
    for comes in (invited, asked):
        joined = after(roster, comes)
        assert "mallory" not in users(after(joined, kick))  # a race, and the kick came second
        given = after(joined, give(joined, "mallory", Role.MODERATOR))
        refused(given, kick, "joined after that was signed")
        gone = after(joined, kick)
        for again in (admit(gone, "mallory"), request(gone, "mallory")):
            refused(after(gone, again), kick, "joined after that was signed")
    later = after(roster, withdraw(roster, invited))
    refused(after(later, admit(later, "mallory")), kick, "joined after that was signed")
    proven(out)
    proven(out, roster)


def test_a_ban_is_executed_again_while_it_runs() -> None:
    """An accomplice dates a commit ahead and lets mallory in; without its author, the ban removes her."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    roster = after(roster, give(roster, "ben", Role.MODERATOR))
    until = NOW + 9 * DAY
    ban = remove(roster, "mallory", "ben", ban=True, until=until)
    roster = after(roster, ban)
    roster = after(roster, remove(roster, "ben"))
    back = after(roster, admit(roster, "mallory", "cora"), by="cora", at=until)
    refused(back, ban, "cora may not remove them", execution(by="cora"))
    refused(back, ban, "joined after that was signed", execution(until - MARGIN))
    away = after(back, ban, at=until - MARGIN - 1)
    assert "mallory" not in users(away)
    refused(away, ban, "banned already")
    left = after(back, remove(back, "mallory", "mallory"))
    refused(left, admit(left, "mallory"), "banned")  # leaving ends no ban
    shorter = after(back, remove(back, "mallory", ban=True, until=NOW + DAY))
    refused(shorter, admit(shorter, "mallory"), "banned", execution(NOW + 2 * DAY))  # nor does a shorter one


def test_the_later_of_two_bans_counts() -> None:
    """A second one is executed if it ends later; never so that the person is let in earlier."""
    roster = room()
    week = remove(roster, "mallory", ban=True, until=NOW + 7 * DAY)
    day = remove(roster, "mallory", ban=True, until=NOW + DAY)
    ever = remove(roster, "mallory", ban=True)
    roster = after(roster, week)
    refused(roster, day, "banned already")
    roster = after(roster, ever)
    refused(roster, week, "banned already")
    refused(roster, admit(roster, "mallory"), "banned", execution(NOW + 8 * DAY))
    refused(room(), day, "that ban has ended", execution(NOW + DAY))


def test_lifting_a_ban_voids_those_that_its_author_could_not_know() -> None:
    """One that was withheld does not come back, though it was never executed; a later one counts."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    roster = after(roster, give(roster, "ben", Role.MODERATOR))
    withheld = remove(roster, "mallory", "ben", ban=True)
    roster = after(roster, remove(roster, "mallory", ban=True, until=NOW + DAY))
    roster = after(roster, unban(roster, "mallory"))
    refused(roster, withheld, "were lifted after that was signed")
    joined = after(roster, admit(roster, "mallory"))
    refused(joined, withheld, "were lifted after that was signed")
    refused(joined, unban(joined, "mallory"), "not banned")
    day = after(left_once(joined), remove(joined, "mallory", ban=True, until=NOW + DAY))
    back = after(day, admit(day, "mallory"), at=NOW + DAY)
    refused(back, unban(back, "mallory"), "not banned", execution(NOW + DAY))
    left = after(joined, remove(joined, "mallory", "mallory"))
    refused(left, withheld, "were lifted after that was signed")
    assert "mallory" not in users(after(joined, remove(joined, "mallory", "ben", ban=True)))


def left_once(roster: Roster) -> Roster:
    """Return the roster after mallory has left."""
    return after(roster, remove(roster, "mallory", "mallory"))


def test_an_old_unban_does_not_lift_a_later_ban() -> None:
    """The server cannot replay it."""
    roster = after(room(), remove(room(), "mallory", ban=True))
    lifts = unban(roster, "mallory")
    roster = after(roster, lifts)
    roster = after(roster, remove(roster, "mallory", ban=True))
    refused(roster, lifts, "was banned after that was signed")


def test_statements_of_a_history_that_the_server_lost() -> None:
    """They count changes that never happened here: what adds is void, and what subtracts counts once."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    invited = admit(roster, "mallory", "ben")
    later = roster.serial + 9
    joined = after(roster, invited)
    kick = remove(roster, "mallory", serial=later)
    void = withdraw(roster, invited, "ben", serial=later)
    assert users(after(joined, void)) == users(after(joined, kick)) == ["ada", "ben"]
    again = after(after(joined, kick), admit(after(joined, kick), "mallory"))
    refused(again, kick, "joined after that was signed")
    for adds in (admit(roster, "cora", serial=later), unban(roster, "mallory", serial=later)):
        refused(joined, adds, "changes that never happened")
    ban = remove(roster, "mallory", ban=True, until=NOW + DAY, serial=later)
    banned = after(joined, ban)
    back = after(banned, admit(banned, "mallory", at=NOW), at=NOW + DAY)
    refused(back, ban, "joined after that was signed", execution(NOW + DAY - 1))


def test_a_roster_round_trips() -> None:
    """It is read as it was written, in its one form, with the same digest."""
    roster = after(room(RoomKind.PRIVATE, "ada", "ben"), remove(room(), "ben"))
    read = Roster.read(roster.encode())
    assert (read, read.digest) == (roster, roster.digest)
    assert roster.digest != room().digest
    for wrong in (roster.encode() + b"\0", roster.encode()[:-1], b"", b"\x90"):
        with pytest.raises(StatementError):
            Roster.read(wrong)


def test_a_roster_with_a_name_twice() -> None:
    """Names stand in order, each once, so that two rosters with the same people have the same digest."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    for people in (roster.people[::-1], (roster.people[0],) * 2):
        with pytest.raises(StatementError):
            Roster.read(replace(roster, people=people).encode())


# --- what others show us


def test_a_newcomer_takes_a_roster_with_its_proofs() -> None:
    """Admissions by people who are in it, or were, hold; also when their signer has left."""
    roster = room()
    roster = after(roster, admit(roster, "ben"))
    roster = after(roster, admit(roster, "cora", by="ben"))
    roster = after(roster, give(roster, "cora", Role.MODERATOR))
    roster = after(roster, remove(roster, "ben", by="cora"))
    roster = after(
        roster, withdraw(roster, admit(roster, "dan")), remove(roster, "spy", ban=True, until=NOW + 1)
    )
    proven(roster)
    proven(Roster.read(roster.encode()), room())


@pytest.mark.parametrize("known", [None, room()], ids=["newcomer", "member"])
def test_a_roster_with_someone_whom_no_one_admitted(known: Roster | None) -> None:
    """A person without a proof, or with someone else's, is detected."""
    honest = after(room(), admit(room(), "ben"))
    ben, spy = honest.people[1], name("spy")
    for false in (
        replace(ben, user=spy, account_key=account("spy")),
        replace(ben, user=spy, account_key=account("spy"), proof=b""),
        replace(ben, user=spy, account_key=account("spy"), proof=admit(honest, "spy", by="spy").data),
        replace(ben, user=spy, account_key=account("spy"), proof=request(honest, "spy").data),
        replace(ben, user=spy, account_key=account("spy"), proof=admit(honest, "spy").data),
        replace(
            ben,
            user=spy,
            account_key=account("spy"),
            proof=(by_ada := admit(honest, "spy")).data,
            acceptance=accept(by_ada, version="2").data,
        ),
    ):
        shown = replace(honest, serial=2, people=(*honest.people, false))
        with pytest.raises(NotAllowedError, match="spy is in it, but no member admitted them"):
            proven(shown, known)


def test_a_roster_that_forgets_a_removal() -> None:
    """Who was removed does not come back by a list from before, nor by the same admission again."""
    roster = after(room(), admit(room(), "ben"))
    known = after(roster, remove(roster, "ben"))
    with pytest.raises(NotAllowedError, match="older"):
        proven(roster, known)
    with pytest.raises(NotAllowedError, match="ben is in it, but no member admitted them"):
        proven(replace(known, serial=9, people=roster.people), known)
    with pytest.raises(NotAllowedError, match="removal of ben is missing"):
        proven(replace(known, serial=9, removed=()), known)


def test_a_roster_that_leaves_someone_out() -> None:
    """No one is dropped from the list without a removal by someone who may."""
    known = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    without = replace(known, serial=1, people=known.people[:2])
    with pytest.raises(NotAllowedError, match="cora is missing from it"):
        proven(without, known)
    forged = after(known, remove(known, "cora")).removed[0]
    by_ben = replace(forged, by=name("ben"), proof=remove(known, "cora", by="ben").data)
    with pytest.raises(NotAllowedError, match="ben may not remove cora"):
        proven(replace(without, removed=(by_ben,)), known)


def test_a_roster_in_which_someone_made_themselves_owner() -> None:
    """A role takes an owner's statement, for a newcomer as for a member."""
    honest = after(room(), admit(room(), "ben"))
    ben = honest.people[1]
    by_himself = give(honest, "ben", Role.OWNER, by="ben").data
    for false in (
        replace(honest, people=(honest.people[0], replace(ben, role=Role.OWNER))),
        replace(honest, people=(honest.people[0], replace(ben, role=Role.OWNER, first=Role.OWNER))),
        replace(honest, people=(honest.people[0], replace(ben, role=Role.OWNER)), roles=(by_himself,)),
    ):
        for known in (None, honest):
            with pytest.raises(NotAllowedError, match="no one gave ben the role"):
                proven(replace(false, serial=2), known)
    kept = replace(honest, serial=2, people=(honest.people[0], replace(ben, given=True)))
    with pytest.raises(NotAllowedError, match="something else about ben's role"):
        proven(kept)


def test_the_same_serial_is_the_same_roster() -> None:
    """Two lists after the same number of changes are one list, or one of them is false."""
    ben, cora = after(room(), admit(room(), "ben")), after(room(), admit(room(), "cora"))
    proven(ben, ben)
    with pytest.raises(NotAllowedError, match="differs from the one known"):
        proven(cora, ben)


def test_who_let_in_those_who_let_them_in_again() -> None:
    """Ben admits cora and leaves, cora admits ben, ben leaves: a newcomer still finds the way back to ada."""
    roster = after(room(), admit(room(), "ben"))
    roster = after(roster, admit(roster, "cora", "ben"))
    for _ in range(2):
        roster = after(roster, remove(roster, "ben", "ben"))
        roster = after(roster, admit(roster, "ben", "cora"))
        proven(roster)
    proven(after(roster, remove(roster, "ben", "ben")))


def test_those_whom_someone_let_in_before_they_had_a_new_key() -> None:
    """A newcomer who never knew the old key accepts what it signed then, also after the person has left."""
    roster = after(room(), admit(room(), "ben"))
    roster = after(roster, admit(roster, "cora", "ben"))
    changed = after(roster, admit(roster, "ben", version="2"))
    proven(changed)
    gone = after(changed, remove(changed, "ben"))
    proven(gone)
    back = after(gone, admit(gone, "ben"))
    proven(back)
    proven(after(back, remove(back, "ben")))
    proven(after(back, remove(back, "ben")), changed)
    with pytest.raises(NotAllowedError, match="cora is in it, but no member admitted them"):
        proven(replace(changed, former=()))


def test_a_roster_that_forgets_what_was_withdrawn_or_banned() -> None:
    """A device that knew of it refuses the list of a group that was created again without it."""
    roster = room(RoomKind.PRIVATE, "ada", "ben")
    known = after(roster, withdraw(roster, admit(roster, "mallory", "ben"), "ben"))
    forgets = replace(known, serial=9, people=(known.people[0], replace(known.people[1], withdrawn=())))
    with pytest.raises(NotAllowedError, match="an invitation by ben that was withdrawn is missing"):
        proven(forgets, known)
    known = after(roster, remove(roster, "mallory", ban=True, until=NOW + 9 * DAY))
    (ban,) = known.removed
    shorter = remove(roster, "mallory", ban=True, until=NOW + DAY)
    for false in (
        replace(ban, proof=shorter.data, ban=shorter.data, until=NOW + DAY),
        replace(ban, until=NOW + DAY),
        replace(ban, ban=b"", until=None),
    ):
        with pytest.raises(NotAllowedError, match=r"ban of mallory|may not ban mallory"):
            proven(replace(known, serial=9, removed=(false,)), known)
    longer = after(known, remove(known, "mallory", ban=True))
    proven(longer, known)
    proven(after(longer, unban(longer, "mallory")), known)
    proven(after(longer, unban(longer, "mallory")))


def test_a_roster_with_someone_who_was_removed_by_a_withdrawal() -> None:
    """The withdrawal proves it, if its signer might make it."""
    roster = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    invited = admit(roster, "mallory", "ben")
    for by in ("ben", "ada", "mallory"):
        gone = after(roster, invited, withdraw(roster, invited, by, serial=0))
        proven(gone)
        proven(gone, roster)
        false = replace(gone.removed[0], by=name("cora"), proof=withdraw(roster, invited, "cora").data)
        with pytest.raises(NotAllowedError, match="cora may not remove mallory"):
            proven(replace(gone, removed=(false,)))


NAMES = ["ada", "ben", "cora", "dan", "spy"]


@settings(max_examples=60)
@given(kind=st.sampled_from(RoomKind), seed=st.randoms(use_true_random=False))
def test_a_walk_of_statements(kind: RoomKind, seed: Random) -> None:
    """Whatever is tried, those in the room were admitted and accepted, and each list proves itself."""
    roster = room(kind)
    history = [roster]
    tried: list[Statement] = []
    for step in range(40):
        by, at = seed.choice(NAMES), NOW + step
        statement = tried_next(roster, seed, by, at, tried)
        tried.append(statement)
        before = roster
        try:
            roster = after(roster, statement, by=by, at=at)
        except NotAllowedError:
            assert roster is before
            continue
        assert roster.serial == before.serial + 1
        came = set(users(roster)) - set(users(before))
        assert len(came) <= 1
        for new in came:
            requested = isinstance(statement.act, Request) and statement.by == name(new)
            assert requested or statement.by in {one.user for one in before.people}
            assert entry(roster, new).acceptance or requested or kind is RoomKind.DIRECT
        history.append(roster)
    proven(roster)
    proven(roster, seed.choice(history))


def tried_next(roster: Roster, seed: Random, by: str, at: int, tried: list[Statement]) -> Statement:
    """Return a statement by someone, or a replay of an earlier one."""
    who = seed.choice(NAMES)
    named = [one for one in tried if isinstance(one.act, Admit | Request)]
    made = seed.randrange(8)
    if made == 0 and tried:
        return seed.choice(tried)
    if made == 1 and named:
        withdrawn = seed.choice(named)  # only its author withdraws a request
        return withdraw(roster, withdrawn, str(withdrawn.by) if isinstance(withdrawn.act, Request) else by)
    each = {
        2: lambda: request(roster, who),
        3: lambda: remove(roster, who, by, at=at),
        4: lambda: remove(roster, who, by, ban=True, at=at, until=seed.choice([None, at + 5])),
        5: lambda: unban(roster, who, by),
        6: lambda: give(roster, who, seed.choice(list(Role)), by),
    }
    return each.get(made, lambda: admit(roster, who, by, seed.choice(["", "", "2"])))()
