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
)
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.identity import device_id_of
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Millis, new_request_id
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.membership import Admit, AnyAct, Remove, Request, SetRole, Unban
from parlour_protocol.rooms import Role, RoomKind
from parlour_server.kit.errors import RefusedError
from parlour_server.rooms.rights import decide
from parlour_server.rooms.statement_rules import check_statement
from parlour_server.store.types import AppendEvent, Facts, Membership

ADA, BEN = name("ada"), name("ben")
LATER = Millis(NOW + 60_000)
ADMIT = Admit(SERVER, ROOM, 0, NOW, BEN, account("ben"), bytes(32))
REQUEST = Request(SERVER, ROOM, 0, NOW, ADA)
LEAVE = Remove(SERVER, ROOM, 0, NOW, ADA)
KICK = Remove(SERVER, ROOM, 0, NOW, BEN)
BAN = Remove(SERVER, ROOM, 0, NOW, BEN, ban=True)
BAN_FOR_A_MINUTE = Remove(SERVER, ROOM, 0, NOW, BEN, ban=True, until=LATER)
UNBAN = Unban(SERVER, ROOM, 0, NOW, BEN)
GIVE = SetRole(SERVER, ROOM, 0, NOW, BEN, Role.MODERATOR)
ACTS = [ADMIT, REQUEST, LEAVE, KICK, BAN, BAN_FOR_A_MINUTE, UNBAN, GIVE]


def bodies(act: AnyAct, by: str = "ada") -> dict[str, AnyBody]:
    """Return each event that could carry a statement, with this one."""
    signed = StatementBytes(carried(act, by))
    return {
        "invited": Invited(BEN, signed),
        "joined": Joined(statement=signed),
        "left": Left(statement=signed),
        "kicked": Kicked(BEN, statement=signed),
        "banned": Banned(BEN, statement=signed),
        "banned for a minute": Banned(BEN, LATER, ReasonText(), statement=signed),
        "unbanned": Unbanned(BEN, signed),
        "role": RoleSet(BEN, Role.MODERATOR, signed),
    }


FITS = {
    "invited": ADMIT,
    "joined": REQUEST,
    "left": LEAVE,
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
        if act is not FITS[kind]:
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
    inside = Facts(RoomKind.PRIVATE, ada, subject=subject, subject_exists=True, owners=2, in_group=True)
    for unsigned in (Left(), Kicked(BEN), Banned(BEN), RoleSet(BEN, Role.MODERATOR)):
        event = AppendEvent(ROOM, ADA, parse_device_name("laptop"), new_request_id(), NOW, unsigned, None)
        with pytest.raises(RefusedError) as error:
            decide(event, inside)
        assert (error.value.code, "sign" in error.value.hint) == (ErrorCode.FORBIDDEN, True)
        decide(event, replace(inside, in_group=False))
        decide(replace(event, body=replace(unsigned, statement=signed)), inside)


def test_a_role_other_than_the_signed_one() -> None:
    """What is signed is what is stored."""
    signed = StatementBytes(carried(GIVE, "ada"))
    refused(RoleSet(BEN, Role.OWNER, signed), "does not match")
