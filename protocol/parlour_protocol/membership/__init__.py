"""Membership of encrypted rooms: statements signed by devices, and the roster that follows from them.

The client keeps a `Roster` as part of each group's authenticated state. The server checks the form and
signatures of statements, but it cannot create any.
"""

from parlour_protocol.membership.roster import NotAllowedError, Person, RemovedPerson, Roster
from parlour_protocol.membership.statements import (
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Sign,
    Statement,
    Unban,
    read_statement,
    sign_statement,
)

__all__ = [
    "Admit",
    "AnyAct",
    "NotAllowedError",
    "Person",
    "Remove",
    "RemovedPerson",
    "Request",
    "Roster",
    "SetRole",
    "Sign",
    "Statement",
    "Unban",
    "read_statement",
    "sign_statement",
]
