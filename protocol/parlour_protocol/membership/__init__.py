"""Membership of encrypted rooms: statements signed by devices, and the roster that follows from them.

The client keeps a `Roster` as part of each group's authenticated state. The server checks the form and
signatures of statements, but it cannot create any.
"""

from parlour_protocol.membership.roster import (
    MARGIN,
    STATEMENTS_PER_COMMIT,
    Execution,
    NotAcceptedError,
    NotAllowedError,
    Person,
    RemovedPerson,
    Roster,
    Succeeds,
    order_of,
)
from parlour_protocol.membership.statements import (
    ADMISSION_LASTS,
    NEVER_REMOVED,
    Accept,
    Admit,
    AnyAct,
    Remove,
    Request,
    SetRole,
    Sign,
    Statement,
    Unban,
    Withdraw,
    digest_of,
    new_admission_id,
    read_again,
    read_statement,
    sign_statement,
)

__all__ = [
    "ADMISSION_LASTS",
    "MARGIN",
    "NEVER_REMOVED",
    "STATEMENTS_PER_COMMIT",
    "Accept",
    "Admit",
    "AnyAct",
    "Execution",
    "NotAcceptedError",
    "NotAllowedError",
    "Person",
    "Remove",
    "RemovedPerson",
    "Request",
    "Roster",
    "SetRole",
    "Sign",
    "Statement",
    "Succeeds",
    "Unban",
    "Withdraw",
    "digest_of",
    "new_admission_id",
    "order_of",
    "read_again",
    "read_statement",
    "sign_statement",
]
