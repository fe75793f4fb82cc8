"""The roster of a room: who may admit and remove, what is void, and what a newcomer checks."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.protocol.identity.signing import NOW, SERVER, holds
from tests.protocol.membership.people import (
    ROOM,
    account,
    admit,
    give,
    name,
    remove,
    request,
    room,
    stated,
    unban,
    users,
)

from parlour_protocol.identity import StatementError
from parlour_protocol.ids import RoomId
from parlour_protocol.membership import Admit, NotAllowedError, Roster, Statement
from parlour_protocol.rooms import Role, RoomKind


def after(roster: Roster, *statements: Statement) -> Roster:
    """Return the roster after some statements."""
    for one in statements:
        roster = roster.applied(one)
    return roster


def refused(roster: Roster, statement: Statement, why: str) -> None:
    """Require that a statement is refused for this reason."""
    with pytest.raises(NotAllowedError, match=why):
        roster.applied(statement)


def test_a_member_admits_someone() -> None:
    """The newcomer is a member, under the key that was admitted, by the one who signed it."""
    roster = after(room(), admit(room(), "ben"))
    ben = roster.person(name("ben"))
    assert ben is not None
    assert (ben.role, ben.by, ben.account_key, ben.since) == (Role.MEMBER, name("ada"), account("ben"), 1)
    assert roster.admits(name("ben"), account("ben"))
    assert not roster.admits(name("ben"), account("ben", "2"))


def test_a_stranger_admits_no_one() -> None:
    """The admission of someone who is not in the room is refused, themselves included."""
    refused(room(), admit(room(), "spy", by="spy"), "spy, who signed it, is not in the room")
    refused(room(), admit(room(), "spy", by="lurker"), "lurker, who signed it, is not in the room")


def test_another_key_of_a_member_admits_no_one() -> None:
    """A false account key for a member, however it is certified, is not the member."""
    forged = stated(Admit(SERVER, ROOM, 0, NOW, name("spy"), account("spy"), room().origin), "ada", "2")
    refused(room(), forged, "is not in the room with that key")


def test_an_admission_for_another_room_or_of_the_future() -> None:
    """It is valid only for its room, and its signer cannot have known changes that never happened."""
    elsewhere = RoomId("AAAAAAAAAAAAAAAAAAAAAA")
    refused(
        room(),
        stated(Admit(SERVER, elsewhere, 0, NOW, name("ben"), account("ben"), room().origin), "ada"),
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
        replace(false, serial=1, people=(ada, ben, spy)).require_proofs(holds)
    with pytest.raises(NotAllowedError, match="did not begin with these people"):
        replace(false, serial=5).require_proofs(holds, honest)


def test_an_old_admission_does_not_bring_anyone_back() -> None:
    """What was signed before someone's removal is void; what is signed after it is not."""
    first = admit(room(), "ben")
    roster = after(room(), first)
    roster = after(roster, remove(roster, "ben"))
    refused(roster, first, "removed after that admission was signed")
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
    refused(roster, request(roster, "ben", NOW + 1), "banned")
    refused(roster, admit(roster, "ben"), "banned")
    roster = after(roster, unban(roster, "ben"))
    assert users(after(roster, request(roster, "ben", NOW + 1))) == ["ada", "ben"]


def test_a_ban_ends_by_the_clock_of_those_who_sign() -> None:
    """Not by a server's: what is signed after its end may bring the person back."""
    roster = after(room(RoomKind.PUBLIC), remove(room(), "ben", ban=True, until=NOW + 1_000))
    refused(roster, request(roster, "ben", NOW + 999), "banned")
    assert users(after(roster, request(roster, "ben", NOW + 1_000))) == ["ada", "ben"]


def test_requests_are_for_public_rooms() -> None:
    """One's own request lets one into a public room; not into another, and not under another's name."""
    refused(room(), request(room(), "ben"), "by invitation only")
    roster = after(room(RoomKind.PUBLIC), request(room(), "ben"))
    ben = roster.person(name("ben"))
    assert ben is not None
    assert ben.by == name("ben")
    refused(roster, request(roster, "ben", NOW + 1, version="2"), "in the room already")


def test_an_old_request_does_not_bring_back_who_left() -> None:
    """The server cannot replay it: a request counts once, and only if it is newer than the departure."""
    first = request(room(), "ben")
    roster = after(room(RoomKind.PUBLIC), first)
    roster = after(roster, remove(roster, "ben", by="ben", at=NOW + 5))
    refused(roster, first, "has left since")
    refused(roster, request(roster, "ben", NOW + 5), "has left since")
    assert users(after(roster, request(roster, "ben", NOW + 6))) == ["ada", "ben"]


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
    roster.require_proofs(holds)
    Roster.read(roster.encode()).require_proofs(holds, room())


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
    ):
        shown = replace(honest, serial=2, people=(*honest.people, false))
        with pytest.raises(NotAllowedError, match="spy is in it, but no member admitted them"):
            shown.require_proofs(holds, known)


def test_a_roster_that_forgets_a_removal() -> None:
    """Who was removed does not come back by a list from before, nor by the same admission again."""
    roster = after(room(), admit(room(), "ben"))
    known = after(roster, remove(roster, "ben"))
    with pytest.raises(NotAllowedError, match="older"):
        roster.require_proofs(holds, known)
    with pytest.raises(NotAllowedError, match="ben is in it, but no member admitted them"):
        replace(known, serial=9, people=roster.people).require_proofs(holds, known)
    with pytest.raises(NotAllowedError, match="removal of ben is missing"):
        replace(known, serial=9, removed=()).require_proofs(holds, known)


def test_a_roster_that_leaves_someone_out() -> None:
    """No one is dropped from the list without a removal by someone who may."""
    known = room(RoomKind.PRIVATE, "ada", "ben", "cora")
    without = replace(known, serial=1, people=known.people[:2])
    with pytest.raises(NotAllowedError, match="cora is missing from it"):
        without.require_proofs(holds, known)
    forged = after(known, remove(known, "cora")).removed[0]
    by_ben = replace(forged, by=name("ben"), proof=remove(known, "cora", by="ben").data)
    with pytest.raises(NotAllowedError, match="ben may not remove cora"):
        replace(without, removed=(by_ben,)).require_proofs(holds, known)


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
                replace(false, serial=2).require_proofs(holds, known)


def test_the_same_serial_is_the_same_roster() -> None:
    """Two lists after the same number of changes are one list, or one of them is false."""
    ben, cora = after(room(), admit(room(), "ben")), after(room(), admit(room(), "cora"))
    ben.require_proofs(holds, ben)
    with pytest.raises(NotAllowedError, match="differs from the one known"):
        cora.require_proofs(holds, ben)


NAMES = ["ada", "ben", "cora", "dan", "spy"]


@settings(max_examples=60)
@given(kind=st.sampled_from(RoomKind), seed=st.randoms(use_true_random=False))
def test_a_walk_of_statements(kind: RoomKind, seed: Random) -> None:
    """Whatever is tried, those in the room were admitted, an owner stays, and each list proves itself."""
    roster = room(kind)
    history = [roster]
    tried: list[Statement] = []
    for step in range(30):
        who, by = seed.choice(NAMES), seed.choice(NAMES)
        make = seed.randrange(7)
        at = NOW + step
        if make == 6 and tried:
            statement = seed.choice(tried)  # a replay
        elif make == 0:
            statement = request(roster, who, at)
        elif make == 1:
            statement = remove(roster, who, by, at=at)
        elif make == 2:
            statement = remove(roster, who, by, ban=True, at=at)
        elif make == 3:
            statement = unban(roster, who, by)
        elif make == 4:
            statement = give(roster, who, seed.choice(list(Role)), by)
        else:
            statement = admit(roster, who, by)
        tried.append(statement)
        before = roster
        try:
            roster = roster.applied(statement)
        except NotAllowedError:
            assert roster is before
            continue
        assert roster.serial == before.serial + 1
        came = set(users(roster)) - set(users(before))
        assert len(came) <= 1
        for new in came:
            by_member = statement.by in {one.user for one in before.people}
            assert by_member or (kind is RoomKind.PUBLIC and statement.by == name(new))
        history.append(roster)
    roster.require_proofs(holds)
    seed.choice(history).require_proofs(holds, None)
    roster.require_proofs(holds, seed.choice(history))
