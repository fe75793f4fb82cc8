"""Words for values of the protocol: a role, a kind of room, whether someone is there."""

from typing import Final

from parlour_client.core.model import MemberView
from parlour_client.kit.language import N_, _
from parlour_protocol.rooms import Role, RoomKind, Status

_ROLES: Final = {Role.OWNER: N_("owner"), Role.MODERATOR: N_("moderator"), Role.MEMBER: N_("member")}
_STATUS: Final = {
    Status.ONLINE: N_("online"),
    Status.AWAY: N_("away"),
    Status.OFFLINE: N_("offline"),
}
_KINDS: Final = {
    RoomKind.PUBLIC: N_("public"),
    RoomKind.PRIVATE: N_("private"),
    RoomKind.DIRECT: N_("direct"),
}


def role_word(role: Role) -> str:
    """Return a role as a word."""
    return _(_ROLES[role])


def status_word(status: Status) -> str:
    """Return whether someone is there as a word."""
    return _(_STATUS[status])


def kind_word(kind: RoomKind) -> str:
    """Return a kind of room as a word."""
    return _(_KINDS[kind])


_INVITED_TO: Final = {
    (RoomKind.PUBLIC, False): N_("a public room"),
    (RoomKind.PUBLIC, True): N_("an encrypted public room"),
    (RoomKind.PRIVATE, False): N_("a private room"),
    (RoomKind.PRIVATE, True): N_("an encrypted private room"),
    (RoomKind.DIRECT, False): N_("a direct room"),
    (RoomKind.DIRECT, True): N_("an encrypted direct room"),
}


def invited_to(kind: RoomKind, *, encrypted: bool) -> str:
    """Return what an invitation is to, as part of a sentence."""
    return _(_INVITED_TO[kind, encrypted])


def member_words(member: MemberView) -> str:
    """Return what someone is in a room, and whether they are there."""
    muted = _(", muted") if member.muted else ""
    return f"{role_word(member.role)}, {status_word(member.status)}{muted}"
