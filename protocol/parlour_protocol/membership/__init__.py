"""Who is in an encrypted room: statements that devices sign, and the roster that follows from them.

The client keeps a `Roster` as part of each group's authenticated state. The server checks the form and the
signatures of the statements that it passes on; it cannot make any.
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
