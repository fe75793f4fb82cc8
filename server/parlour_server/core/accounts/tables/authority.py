"""The right to change an account, decided in the transaction that changes it (P31: check, wait, write).

A request is checked when it arrives. Then it may wait, for its body or for argon2, and meanwhile its session
ends, the account is disabled, or its password is replaced. So every change of an account takes an
``Authority``, and the only way to get one is to look at the account in the transaction of the change.

An account with ``needs_proof`` is not changed, and no session of it begins, by its password alone, whatever a
capability does or whether it is still there: it needs a ``Proof``, which the same transaction uses up (L7).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from parlour_protocol.kit.ids import DeviceId, Millis, SessionId
from parlour_protocol.kit.names import UserName
from parlour_server.core.clock import Clock
from parlour_server.core.errors import (
    EnrolmentRequiredError,
    LoginRefusedError,
    ProofNeededError,
    ProofRefusedError,
    SessionRefusedError,
)
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import Connection, WriteConnection

_T = TypeVar("_T")

_SESSION: Final = (
    "SELECT s.device_id, a.proof_required, a.needs_proof + s.proved_elsewhere"
    " FROM sessions s JOIN accounts a USING (account)"
    " WHERE s.session = ? AND s.account = ? AND s.expires > ? AND a.disabled = 0"
)
_VERIFIED: Final = "SELECT 1 FROM accounts WHERE account = ? AND password_hash = ? AND disabled = 0"
_NEEDS: Final = "SELECT 1 FROM accounts WHERE account = ? AND needs_proof = 1"


class Proof(Protocol):
    """A proof besides the password, as a capability keeps it: it was right when it came."""

    @property
    def kind(self) -> str:
        """Its kind, for the audit log."""
        ...

    def use(self, db: WriteConnection, user: UserName, at: Millis) -> bool:
        """Use it up, in the transaction of the change that it allows.

        False if it was used before, or does not hold any more.
        """
        ...


@dataclass(frozen=True, slots=True)
class BySession:
    """Someone who is logged in; ``while_enrolling``: also if they can't prove what they must yet."""

    user: UserName
    session: SessionId
    while_enrolling: bool = False


@dataclass(frozen=True, slots=True)
class ByProof:
    """Someone who is logged in, and proved again who they are: for this change only.

    ``password_hash`` is what their password was verified with, ``proof`` what else they proved.
    """

    user: UserName
    session: SessionId
    password_hash: str = field(repr=False)
    proof: Proof | None
    while_enrolling: bool = False


@dataclass(frozen=True, slots=True)
class ByPassword:
    """Someone who gave the right password, which is not enough for an account that needs a proof."""

    user: UserName
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ByLogin:
    """Someone who logs in: with the right password, and the proof that the account needs, if any.

    ``proved_elsewhere``: a capability vouches for all of it, because another server asked for more than a
    password. Such a session need set up no proof here.
    """

    user: UserName
    password_hash: str = field(repr=False)
    proof: Proof | None = None
    proved_elsewhere: bool = False


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
        """Look, and use up what the actor proved.

        Raises SessionRefusedError, EnrolmentRequiredError, ProofNeededError; LoginRefusedError for a password
        or a proof that is not valid any more.
        """
        self.by = by
        self.user = by.user
        self.at = at
        self.device_id = _device_of(db, by, at) if isinstance(by, BySession | ByProof) else None
        if isinstance(by, ByProof | ByPassword | ByLogin):
            _check_password(db, by)
        if isinstance(by, ByProof | ByLogin):
            _use_proof(db, by, at)

    @property
    def session(self) -> SessionId | None:
        """The session that asks, if one does."""
        return self.by.session if isinstance(self.by, BySession | ByProof) else None


def authorised(
    clock: Clock, by: Actor, write: Callable[[WriteConnection, Authority], _T]
) -> Callable[[WriteConnection], _T]:
    """Return ``write`` as a transaction that first looks whether ``by`` may do it."""
    return lambda db: write(db, Authority(db, by, clock.now()))


def _device_of(db: Connection, by: BySession | ByProof, at: Millis) -> DeviceId | None:
    row = db.execute(_SESSION, (by.session, plain(by.user), at)).fetchone()
    if row is None:
        raise SessionRefusedError
    device, is_required, is_proved = row
    if is_required and not is_proved and not by.while_enrolling:
        raise EnrolmentRequiredError
    return None if device is None else DeviceId(device)


def _check_password(db: Connection, by: ByProof | ByPassword | ByLogin) -> None:
    """Raise LoginRefusedError if it was changed, or reset, while it was verified."""
    if db.execute(_VERIFIED, (plain(by.user), by.password_hash)).fetchone() is None:
        proved = isinstance(by, ByLogin) and by.proof is not None
        raise ProofRefusedError if proved else LoginRefusedError  # one refusal a step (P21)


def _use_proof(db: WriteConnection, by: ByProof | ByLogin, at: Millis) -> None:
    if isinstance(by, ByLogin) and by.proved_elsewhere:
        return
    needs_proof = db.execute(_NEEDS, (plain(by.user),)).fetchone() is not None
    if by.proof is None:
        if needs_proof:
            raise LoginRefusedError if isinstance(by, ByLogin) else ProofNeededError
    elif not needs_proof or not by.proof.use(db, by.user, at):  # what it was by may be gone
        raise ProofRefusedError
