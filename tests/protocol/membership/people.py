"""People with devices who sign statements about a room."""

from collections.abc import Collection
from functools import cache

from tests.protocol.identity.signing import NOW, SERVER, certificate, holds, key, public, signed

from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import (
    ADMISSION_LASTS,
    Accept,
    Admit,
    AnyAct,
    Execution,
    Remove,
    Request,
    Roster,
    SetRole,
    Statement,
    Unban,
    Withdraw,
    new_admission_id,
    read_statement,
    sign_statement,
)
from parlour_protocol.rooms import Role, RoomKind

ROOM = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")
DAY = 86_400_000
PEOPLE = ("ada", "ben", "cora", "dan", "mallory", "spy")


def name(text: str) -> UserName:
    """Return someone's name."""
    return parse_user_name(text)


def account(user: str, version: str = "") -> bytes:
    """Return the public account key of someone; with a version, the key after they lost the first one."""
    return public(f"{user}{version} account")


def carried(act: AnyAct, by: str, version: str = "", device: str = "device") -> bytes:
    """Return what ``by``'s device signed."""
    account_name, device_name = f"{by}{version} account", f"{by}{version} {device}"
    theirs = signed(
        certificate(
            user=name(by), account_key=public(account_name), device_key=public(device_name), expires=LAST
        ),
        account_name,
    )
    return sign_statement(act, theirs, lambda data: key(device_name).sign(data).signature)


LAST = Millis(NOW + 400 * DAY)
"""When the certificates of these devices end."""


def stated(act: AnyAct, by: str, version: str = "", device: str = "device") -> Statement:
    """Return it as someone reads it."""
    return read_statement(carried(act, by, version, device), holds)


@cache
def devices(without: str = "") -> frozenset[DeviceId]:
    """Return everyone's devices, as if they were in the group; without those of one person."""
    found = [
        certificate(user=name(by), device_key=public(f"{by}{version} device")).device
        for by in PEOPLE
        for version in ("", "2")
        if by != without
    ]
    return frozenset(found)


def execution(
    at: int = NOW,
    by: str | None = "ada",
    *,
    inside: Collection[DeviceId] | None = None,
    succeeds: bool = True,
) -> Execution:
    """Return the facts of a commit: made then, by that person's device."""
    committer = None if by is None else name(by)
    group = devices() if inside is None else inside
    return Execution(Millis(at), committer, group, lambda _who, _before, _now: succeeds)


def room(kind: RoomKind = RoomKind.PRIVATE, founder: str = "ada", *others: str) -> Roster:
    """Return the roster of a new room."""
    people = [(name(founder), account(founder), Role.OWNER)]
    people += [(name(other), account(other), Role.MEMBER) for other in others]
    return Roster.begin(SERVER, ROOM, kind, name(founder), people, NOW)


def admit(
    roster: Roster,
    who: str,
    by: str = "ada",
    version: str = "",
    serial: int | None = None,
    *,
    at: int = NOW,
    until: int | None = None,
) -> Statement:
    """Return an admission, signed now (or when ``serial`` changes were known)."""
    known = roster.serial if serial is None else serial
    end = Millis(at + ADMISSION_LASTS if until is None else until)
    act = Admit(
        server=SERVER,
        room=ROOM,
        serial=known,
        at=Millis(at),
        who=name(who),
        account_key=account(who, version),
        origin=roster.origin,
        after=roster.removal_digest(name(who)),
        id=new_admission_id(),
        until=end,
    )
    return stated(act, by)


def accept(admission: Statement, by: str | None = None, version: str | None = None) -> Statement:
    """Return the acceptance of an admission, by the person whom it admits."""
    who = str(admission.act.who)
    signer = who if by is None else by
    if version is None:
        keyed = admission.act.account_key if isinstance(admission.act, Admit) else b""
        version = "2" if keyed == account(who, "2") else ""
    return stated(Accept(SERVER, ROOM, 0, NOW, name(signer), admission.digest), signer, version)


def withdraw(
    roster: Roster, statement: Statement, by: str = "ada", version: str = "", *, serial: int | None = None
) -> Statement:
    """Return what withdraws an admission, or a request."""
    known = roster.serial if serial is None else serial
    return stated(Withdraw(SERVER, ROOM, known, NOW, statement.act.who, statement.data), by, version)


def request(roster: Roster, who: str, version: str = "") -> Statement:
    """Return someone's request to enter, after what last removed them."""
    after = roster.removal_digest(name(who))
    return stated(Request(SERVER, ROOM, 0, NOW, name(who), after), who, version)


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


def unban(roster: Roster, who: str, by: str = "ada", *, serial: int | None = None) -> Statement:
    """Return what lifts a ban."""
    known = roster.serial if serial is None else serial
    return stated(Unban(SERVER, ROOM, known, NOW, name(who)), by)


def give(roster: Roster, who: str, role: Role, by: str = "ada") -> Statement:
    """Return what gives a role."""
    return stated(SetRole(SERVER, ROOM, roster.serial, NOW, name(who), role), by)


def after(roster: Roster, *statements: Statement, by: str | None = "ada", at: int = NOW) -> Roster:
    """Return the roster after a commit for each statement; people accept what admits them."""
    for one in statements:
        accepted = isinstance(one.act, Admit) and roster.kind is not RoomKind.DIRECT
        roster = roster.after([accept(one), one] if accepted else [one], execution(at, by))
    return roster


def users(roster: Roster) -> list[str]:
    """Return the names of those in the room."""
    return [str(one.user) for one in roster.people]
