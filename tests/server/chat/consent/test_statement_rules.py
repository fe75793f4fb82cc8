"""Statements on their way into a log: what their event says, by the device that speaks, or refused."""

import pytest
from msgspec.structs import replace
from tests.protocol.identity.signing import NOW, SERVER, public
from tests.protocol.membership.people import ROOM, account, carried, name

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import (
    AnyBody,
    Banned,
    Invited,
    Joined,
    Kicked,
    Left,
    RoleSet,
    Unbanned,
    Uninvited,
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.identity import device_id_of
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.membership import (
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Unban,
    Withdraw,
)
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.chat.consent.statement_rules import check_statement
from parlour_server.chat.rooms.rights import decide
from parlour_server.chat.store.types import AppendEvent, Membership, RoomFacts
from parlour_server.core.errors import RefusedError

ADA, BEN = name("ada"), name("ben")
LATER = Millis(NOW + 60_000)
ADMIT = Admit(SERVER, ROOM, 0, NOW, BEN, account("ben"), bytes(32), NEVER_REMOVED, bytes(16), LATER)
ACCEPT = Accept(SERVER, ROOM, 0, NOW, ADA, bytes(32))
REQUEST = Request(SERVER, ROOM, 0, NOW, ADA, NEVER_REMOVED)
WITHDRAW = Withdraw(SERVER, ROOM, 0, NOW, BEN, carried(ADMIT, "ada"))
TAKE_BACK = Withdraw(SERVER, ROOM, 0, NOW, ADA, carried(REQUEST, "ada"))
LEAVE = Remove(SERVER, ROOM, 0, NOW, ADA)
KICK = Remove(SERVER, ROOM, 0, NOW, BEN)
BAN = Remove(SERVER, ROOM, 0, NOW, BEN, ban=True)
BAN_FOR_A_MINUTE = Remove(SERVER, ROOM, 0, NOW, BEN, ban=True, until=LATER)
UNBAN = Unban(SERVER, ROOM, 0, NOW, BEN)
GIVE = SetRole(SERVER, ROOM, 0, NOW, BEN, Role.MODERATOR)
ACTS = [ADMIT, ACCEPT, WITHDRAW, TAKE_BACK, REQUEST, LEAVE, KICK, BAN, BAN_FOR_A_MINUTE, UNBAN, GIVE]


def bodies(act: AnyAct, by: str = "ada") -> dict[str, AnyBody]:
    """Return each event that could carry a statement, with this one."""
    signed = StatementBytes(carried(act, by))
    return {
        "invited": Invited(BEN, signed),
        "uninvited": Uninvited(BEN, signed),
        "joined": Joined(statement=signed),
        "accepted": Joined(acceptance=signed),
        "left": Left(statement=signed),
        "left before they were added": Left(statement=signed),
        "kicked": Kicked(BEN, statement=signed),
        "banned": Banned(BEN, statement=signed),
        "banned for a minute": Banned(BEN, LATER, ReasonText(), statement=signed),
        "unbanned": Unbanned(BEN, signed),
        "role": RoleSet(BEN, Role.MODERATOR, signed),
    }


FITS = {
    "invited": ADMIT,
    "uninvited": WITHDRAW,
    "joined": REQUEST,
    "accepted": ACCEPT,
    "left": LEAVE,
    "left before they were added": TAKE_BACK,
    "kicked": KICK,
    "banned": BAN,
    "banned for a minute": BAN_FOR_A_MINUTE,
    "unbanned": UNBAN,
    "role": GIVE,
}


def check(body: AnyBody, *, sender: str = "ada device") -> None:
    """Check an event of ada's, by this device."""
    device = device_id_of(ADA, SERVER, public(sender))
    laptop = parse_device_name("laptop")
    check_statement(AppendEvent(ROOM, ADA, laptop, new_request_id(), NOW, body, None, device), SERVER)


def refused(body: AnyBody, why: str, *, sender: str = "ada device") -> None:
    """Require that it is refused for this reason."""
    with pytest.raises(RefusedError) as error:
        check(body, sender=sender)
    assert error.value.code is ErrorCode.MALFORMED
    assert why in error.value.hint


@pytest.mark.parametrize("kind", FITS)
def test_each_event_takes_its_own_statement(kind: str) -> None:
    """And of all others none."""
    check(bodies(FITS[kind])[kind])
    for act in ACTS:
        if act is not FITS[kind] and not {act, FITS[kind]} <= {LEAVE, TAKE_BACK}:
            refused(bodies(act)[kind], "does not match the request")


def test_a_statement_by_another_person_or_device() -> None:
    """It has to be signed by the device that this very session speaks for."""
    refused(bodies(KICK, by="cora")["kicked"], "a device other than yours")
    refused(bodies(KICK)["kicked"], "a device other than yours", sender="ada phone")


def test_a_statement_about_another_room() -> None:
    """One room's statement is not kept in another one's log."""
    elsewhere = Remove(SERVER, RoomId("AAAAAAAAAAAAAAAAAAAAAA"), 0, NOW, BEN)
    refused(bodies(elsewhere)["kicked"], "another room")
    refused(bodies(Remove("other.example", ROOM, 0, NOW, BEN))["kicked"], "another server")


def test_a_statement_that_is_none() -> None:
    """Any bytes are refused with a sentence; no statement at all is not this module's business."""
    for junk in (b"\0", b"x" * 4_096, carried(KICK, "ada")[:-1]):
        refused(Kicked(BEN, statement=StatementBytes(junk)), "room statement")
    check(Kicked(BEN))


def test_a_member_with_a_device_in_the_group_leaves_only_with_a_signed_statement() -> None:
    """Members would not follow without one: the person would read on, and no one could send."""
    signed = StatementBytes(carried(KICK, "ada"))
    ada = Membership(ADA, Role.OWNER)
    subject = Membership(BEN, Role.MEMBER)
    inside = RoomFacts(RoomKind.PRIVATE, ada, subject=subject, subject_exists=True, owners=2, in_group=True)
    for unsigned in (Left(), Kicked(BEN), Banned(BEN), RoleSet(BEN, Role.MODERATOR)):
        event = AppendEvent(ROOM, ADA, parse_device_name("laptop"), new_request_id(), NOW, unsigned, None)
        with pytest.raises(RefusedError) as error:
            decide(event, inside)
        assert (error.value.code, "sign" in error.value.hint) == (ErrorCode.FORBIDDEN, True)
        decide(event, replace(inside, in_group=False))
        decide(replace(event, body=replace(unsigned, statement=signed)), inside)


def outcome(body: AnyBody, known: RoomFacts) -> str | None:
    """Return what ada's event gets: None if it is stored."""
    try:
        decide(AppendEvent(ROOM, ADA, parse_device_name("laptop"), new_request_id(), NOW, body, None), known)
    except RefusedError as error:
        return error.code
    return None


def test_nobody_joins_an_encrypted_room_without_their_signature() -> None:
    """Members' devices would not add them; and they accept only what is still open."""
    admission = StatementBytes(carried(ADMIT, "ada"))
    acceptance = StatementBytes(carried(ACCEPT, "ada"))
    known = RoomFacts(RoomKind.PRIVATE, None, author_invited=True, encrypted=True, admission=admission)
    assert outcome(Joined(), known) is ErrorCode.FORBIDDEN
    assert outcome(Joined(acceptance=acceptance), known) is None
    assert outcome(Joined(acceptance=acceptance), replace(known, admission=None)) is ErrorCode.NOT_FOUND
    assert outcome(Joined(), replace(known, encrypted=False)) is None
    public = replace(known, kind=RoomKind.PUBLIC, author_invited=False)
    assert outcome(Joined(), public) is ErrorCode.FORBIDDEN
    assert outcome(Joined(statement=StatementBytes(carried(REQUEST, "ada"))), public) is None


def test_a_member_by_the_servers_list_asks_or_accepts_again() -> None:
    """Their first request or acceptance may be void; without a signature it is a mistake."""
    signed = StatementBytes(carried(ACCEPT, "ada"))
    ada = Membership(ADA, Role.MEMBER)
    inside = RoomFacts(RoomKind.PRIVATE, ada, author_invited=True, encrypted=True, admission=signed)
    assert outcome(Joined(acceptance=signed), inside) is None
    assert outcome(Joined(), inside) is ErrorCode.ALREADY
    assert outcome(Joined(acceptance=signed), replace(inside, encrypted=False)) is ErrorCode.ALREADY


def test_an_admission_is_withdrawn_with_a_signature() -> None:
    """By its inviter or a moderator, also one that the server forgot; without one only what has none."""
    own = StatementBytes(carried(WITHDRAW, "ada"))
    bens = replace(WITHDRAW, who=name("cora"), withdraws=carried(replace(ADMIT, who=name("cora")), "ben"))
    others = StatementBytes(carried(bens, "ada"))
    cora = name("cora")
    ada = Membership(ADA, Role.MEMBER)
    known = RoomFacts(RoomKind.PRIVATE, ada, subject_exists=True, encrypted=True)
    moderator = replace(known, author=Membership(ADA, Role.MODERATOR))
    assert outcome(Uninvited(BEN, own), known) is None
    assert outcome(Uninvited(cora, others), known) is ErrorCode.NOT_FOUND
    assert outcome(Uninvited(cora, others), moderator) is None
    admitted = {"invited_by_author": True, "subject_invited": True, "admitted_by_author": True}
    unsigned = Uninvited(BEN)
    assert outcome(unsigned, replace(known, **admitted, subject_admitted=True)) is ErrorCode.FORBIDDEN
    assert outcome(unsigned, replace(known, invited_by_author=True, subject_admitted=True)) is None
    invited = replace(moderator, subject_invited=True)
    assert outcome(unsigned, replace(invited, subject_admitted=True)) is ErrorCode.FORBIDDEN
    assert outcome(unsigned, invited) is None
    assert outcome(unsigned, known) is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("kind", ["invited", "unbanned"])
def test_what_the_servers_list_knows_nothing_of_is_told_again(kind: str) -> None:
    """After a restore, or for a new key: members' devices decide by it, the list of the server does not."""
    signed = bodies(FITS[kind])[kind]
    unsigned = replace(signed, statement=None)
    subject = Membership(BEN, Role.MEMBER) if kind == "invited" else None
    known = RoomFacts(RoomKind.PRIVATE, Membership(ADA, Role.OWNER), subject=subject, subject_exists=True)
    known = replace(known, encrypted=True)
    assert outcome(signed, known) is None
    assert outcome(unsigned, known) is ErrorCode.ALREADY
    assert outcome(signed, replace(known, encrypted=False)) is ErrorCode.ALREADY


def test_a_second_removal_of_someone_is_refused() -> None:
    """Two moderators, one moment: the person is gone, and the log says so once."""
    known = RoomFacts(RoomKind.PRIVATE, Membership(ADA, Role.OWNER), subject_exists=True, encrypted=True)
    assert outcome(bodies(KICK)["kicked"], known) is ErrorCode.NOT_FOUND
    assert outcome(bodies(BAN)["banned"], known) is None  # someone who is not in is banned as anywhere
    assert outcome(bodies(BAN)["banned"], replace(known, subject_banned_until=Millis(0))) is ErrorCode.ALREADY


def test_an_admission_follows_an_invitation_without_one() -> None:
    """The person had no key yet; a second admission is refused while the first is open."""
    signed = bodies(ADMIT)["invited"]
    ada = Membership(ADA, Role.MEMBER)
    wish = RoomFacts(RoomKind.PRIVATE, ada, subject_exists=True, invited_by_author=True, encrypted=True)
    assert outcome(signed, wish) is None
    assert outcome(signed, replace(wish, admitted_by_author=True)) is ErrorCode.ALREADY
    assert outcome(Invited(BEN), wish) is ErrorCode.ALREADY


def test_a_role_other_than_the_signed_one() -> None:
    """What is signed is what is stored."""
    signed = StatementBytes(carried(GIVE, "ada"))
    refused(RoleSet(BEN, Role.OWNER, signed), "does not match")
