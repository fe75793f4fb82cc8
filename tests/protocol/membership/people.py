"""People with devices who sign statements about a room."""

from tests.protocol.identity.signing import NOW, SERVER, certificate, holds, key, public, signed

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import (
    Admit,
    AnyAct,
    Remove,
    Request,
    Roster,
    SetRole,
    Statement,
    Unban,
    read_statement,
    sign_statement,
)
from parlour_protocol.rooms import Role, RoomKind

ROOM = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")


def name(text: str) -> UserName:
    """Return someone's name."""
    return parse_user_name(text)


def account(user: str, version: str = "") -> bytes:
    """Return the public account key of someone; with a version, the key after they lost the first one."""
    return public(f"{user}{version} account")


def carried(act: AnyAct, by: str, version: str = "") -> bytes:
    """Return what ``by``'s device signed."""
    account_name, device = f"{by}{version} account", f"{by}{version} device"
    theirs = signed(
        certificate(user=name(by), account_key=public(account_name), device_key=public(device)), account_name
    )
    return sign_statement(act, theirs, lambda data: key(device).sign(data).signature)


def stated(act: AnyAct, by: str, version: str = "") -> Statement:
    """Return it as someone reads it."""
    return read_statement(carried(act, by, version), holds)


def room(kind: RoomKind = RoomKind.PRIVATE, founder: str = "ada", *others: str) -> Roster:
    """Return the roster of a new room."""
    people = [(name(founder), account(founder), Role.OWNER)]
    people += [(name(other), account(other), Role.MEMBER) for other in others]
    return Roster.begin(SERVER, ROOM, kind, name(founder), people, NOW)


def admit(
    roster: Roster, who: str, by: str = "ada", version: str = "", serial: int | None = None
) -> Statement:
    """Return an admission, signed now (or when ``serial`` changes were known)."""
    known = roster.serial if serial is None else serial
    return stated(Admit(SERVER, ROOM, known, NOW, name(who), account(who, version), roster.origin), by)


def request(roster: Roster, who: str, at: int = NOW, version: str = "") -> Statement:
    """Return someone's request to enter."""
    return stated(Request(SERVER, ROOM, roster.serial, Millis(at), name(who)), who, version)


def remove(
    roster: Roster,
    who: str,
    by: str = "ada",
    *,
    ban: bool = False,
    until: int | None = None,
    at: int = NOW,
    serial: int | None = None,
) -> Statement:
    """Return a removal."""
    known = roster.serial if serial is None else serial
    end = None if until is None else Millis(until)
    return stated(Remove(SERVER, ROOM, known, Millis(at), name(who), ban, end), by)


def unban(roster: Roster, who: str, by: str = "ada") -> Statement:
    """Return what lifts a ban."""
    return stated(Unban(SERVER, ROOM, roster.serial, NOW, name(who)), by)


def give(roster: Roster, who: str, role: Role, by: str = "ada") -> Statement:
    """Return what gives a role."""
    return stated(SetRole(SERVER, ROOM, roster.serial, NOW, name(who), role), by)


def users(roster: Roster) -> list[str]:
    """Return the names of those in the room."""
    return [str(one.user) for one in roster.people]
