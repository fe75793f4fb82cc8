"""The right to change an account, decided in the transaction that changes it (P31: check, wait, write).

A request is checked when it arrives. Then it may wait, for its body or for argon2, and meanwhile its session
ends, the account is disabled, or its password or factor is replaced. So every change of an account takes an
``Authority``, and the only way to get one is to look at the account in the transaction of the change.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorKind
from parlour_server.core.clock import Clock
from parlour_server.core.errors import (
    EnrolmentRequiredError,
    LoginRefusedError,
    SecondFactorNeededError,
    SecondFactorRefusedError,
    SessionRefusedError,
)
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection
from parlour_server.core.store.records import FactorRecord

_T = TypeVar("_T")

HAS_FACTOR: Final = "EXISTS (SELECT 1 FROM second_factors f WHERE f.account = a.account AND f.active = 1)"
"""Of a row of ``accounts a``."""
_SESSION: Final = (
    f"SELECT s.device_id, a.second_factor_required, {HAS_FACTOR}"  # noqa: S608 - of ours
    " FROM sessions s JOIN accounts a USING (account)"
    " WHERE s.session = ? AND s.account = ? AND s.expires > ? AND a.disabled = 0"
)
_VERIFIED: Final = "SELECT 1 FROM accounts WHERE account = ? AND password_hash = ? AND disabled = 0"
_FACTOR: Final = f"SELECT {HAS_FACTOR} FROM accounts a WHERE a.account = ?"  # noqa: S608 - of ours


@dataclass(frozen=True, slots=True)
class RightAnswer:
    """A right answer to a challenge: the change that it allows uses it up.

    ``counters`` are the factors that it may be by, each with its next counter; a recovery code has none.
    """

    kind: FactorKind
    counters: tuple[tuple[FactorRecord, int], ...] = ()
    recovery_code: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class BySession:
    """Someone who is logged in; ``while_enrolling``: also if they must set up a second factor first."""

    user: UserName
    session: SessionId
    while_enrolling: bool = False


@dataclass(frozen=True, slots=True)
class ByProof:
    """Someone who is logged in, and proved again who they are: for this change only.

    ``password_hash`` is what their password was verified with, ``answer`` that of their second factor.
    """

    user: UserName
    session: SessionId
    password_hash: str = field(repr=False)
    answer: RightAnswer | None
    while_enrolling: bool = False


@dataclass(frozen=True, slots=True)
class ByPassword:
    """Someone who gave the right password, which is not enough where there is a second factor."""

    user: UserName
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByLogin:
    """Someone who logs in: with the right password, and the answer of a second factor if there is one."""

    user: UserName
    password_hash: str = field(repr=False)
    answer: RightAnswer | None = None


@dataclass(frozen=True, slots=True)
class ByOperator:
    """A command on the server's own machine, which may change every account. No request is one."""

    user: UserName


Actor = BySession | ByProof | ByPassword | ByLogin | ByOperator


class Authority:
    """The right of an actor to change their account, ``at`` this time, in one transaction.

    ``device_id`` is the device that the session speaks for now, if any.
    """

    __slots__ = ("at", "by", "device_id", "user")

    def __init__(self, db: WriteConnection, by: Actor, at: Millis) -> None:
        """Look, and use up what the actor answered with.

        Raises SessionRefusedError, EnrolmentRequiredError, SecondFactorNeededError; LoginRefusedError for a
        password or a factor that is not valid any more.
        """
        self.by = by
        self.user = by.user
        self.at = at
        self.device_id = _device_of(db, by, at) if isinstance(by, BySession | ByProof) else None
        if isinstance(by, ByProof | ByPassword | ByLogin):
            _check_password(db, by)
        if isinstance(by, ByProof | ByLogin):
            _use_factor(db, by, at)

    @property
    def session(self) -> SessionId | None:
        """The session that asks, if one does."""
        return self.by.session if isinstance(self.by, BySession | ByProof) else None


def authorised(
    clock: Clock, by: Actor, write: Callable[[WriteConnection, Authority], _T]
) -> Callable[[WriteConnection], _T]:
    """Return ``write`` as a transaction that first looks whether ``by`` may do it."""
    return lambda db: write(db, Authority(db, by, clock.now()))


def has_factor(db: Connection, user: UserName) -> bool:
    """Return whether the account has a second factor."""
    row = db.execute(_FACTOR, (plain(user),)).fetchone()
    return bool(row and row[0])


def _device_of(db: Connection, by: BySession | ByProof, at: Millis) -> DeviceId | None:
    row = db.execute(_SESSION, (by.session, plain(by.user), at)).fetchone()
    if row is None:
        raise SessionRefusedError
    device, is_required, is_enrolled = row
    if is_required and not is_enrolled and not by.while_enrolling:
        raise EnrolmentRequiredError
    return None if device is None else DeviceId(device)


def _check_password(db: Connection, by: ByProof | ByPassword | ByLogin) -> None:
    """Raise LoginRefusedError if it was changed, or reset, while it was verified."""
    if db.execute(_VERIFIED, (plain(by.user), by.password_hash)).fetchone() is None:
        answered = isinstance(by, ByLogin) and by.answer is not None
        raise SecondFactorRefusedError if answered else LoginRefusedError  # one refusal a step (P21)


def _use_factor(db: WriteConnection, by: ByProof | ByLogin, at: Millis) -> None:
    if not has_factor(db, by.user):
        if by.answer is not None:
            raise SecondFactorRefusedError  # its factor was removed
        return
    if by.answer is None:
        raise LoginRefusedError if isinstance(by, ByLogin) else SecondFactorNeededError
    if not _is_used(db, by.user, by.answer, at):
        raise SecondFactorRefusedError


def _is_used(db: WriteConnection, user: UserName, answer: RightAnswer, at: Millis) -> bool:
    """Use the answer up; False if it was used before, or does not hold any more (L7)."""
    if answer.kind is FactorKind.RECOVERY_CODE:
        query = "DELETE FROM recovery_codes WHERE account = ? AND digest = ?"
        return db.execute(query, (plain(user), answer.recovery_code)).rowcount == 1
    for factor, counter in answer.counters:
        # The counter only rises; that of a security key without one stays 0.
        used = db.execute(
            "UPDATE second_factors SET counter = ?1, last_used = ?2"
            " WHERE factor = ?3 AND account = ?4 AND active = 1"
            " AND (counter < ?1 OR (counter = 0 AND ?1 = 0))",
            (counter, at, factor.id, plain(user)),
        )
        if used.rowcount == 1:
            return True
    return False
