"""The evidence in a commit: the signed statements and revocations that it is based on.

They are in the commit's authenticated data, so that every member can check why someone was added or removed.
A commit that only renews keys, or adds a device of someone who is already in the group, has none. ``commit``
writes them, ``policy`` judges them.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.identity.signing import verify
from parlour_client.kit.language import _
from parlour_protocol.identity import Revocation, StatementError
from parlour_protocol.kit.id_fields import MillisField
from parlour_protocol.kit.ids import DeviceId, Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.membership import (
    STATEMENTS_PER_COMMIT,
    Execution,
    NotAllowedError,
    Roster,
    Statement,
    Succeeds,
    read_statement,
)

MAX_REVOCATIONS: Final = 512


class Evidence(msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True):
    """Statements in the order in which they take effect, and revocations of devices that are removed."""

    version: Literal[2] = 2
    at: MillisField | None = None
    """When the commit was made, by the clock of its device; only with statements."""
    statements: Annotated[tuple[bytes, ...], Meta(max_length=STATEMENTS_PER_COMMIT)] = ()
    revocations: Annotated[tuple[bytes, ...], Meta(max_length=MAX_REVOCATIONS)] = ()

    @classmethod
    def of(cls, at: Millis, statements: Sequence[bytes], revocations: Sequence[bytes]) -> "Evidence":
        """Return what a commit that is made now carries."""
        return cls(
            at=at if statements else None, statements=tuple(statements), revocations=tuple(revocations)
        )

    def encode(self) -> bytes:
        """Return the authenticated data; empty when there is nothing to carry."""
        return msgspec.msgpack.encode(self) if self.statements or self.revocations else b""

    @classmethod
    def read(cls, data: bytes) -> "Evidence":
        """Parse authenticated data. Raises RuleBrokenError."""
        if not data:
            return cls()
        try:
            found = msgspec.msgpack.decode(data, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise RuleBrokenError(_("a commit carries something other than evidence")) from error
        if found.encode() != data or (found.at is None) is not (not found.statements):
            raise RuleBrokenError(_("a commit carries evidence that is not in its one form"))
        return found

    def after(
        self, roster: Roster, by: UserName, devices: Collection[DeviceId], succeeds: Succeeds
    ) -> Roster:
        """Return the roster after the commit of ``by``; ``devices`` were in the group.

        Raises RuleBrokenError.
        """
        if self.at is None:
            return roster
        return executed_on(
            roster, list(map(statement_of, self.statements)), Execution(self.at, by, devices, succeeds)
        )

    def revoked(self) -> dict[DeviceId, Revocation]:
        """Return the revocations, by device. Raises RuleBrokenError."""
        return {one.device: one for one in map(revocation_of, self.revocations)}


@lru_cache(1024)
def statement_of(data: bytes) -> Statement:
    """Parse a statement and check its signatures. Raises RuleBrokenError."""
    try:
        return read_statement(data, verify)
    except StatementError as error:
        raise RuleBrokenError(
            _("a statement about the room's members does not hold: {error}").format(error=error)
        ) from error


@lru_cache(1024)
def revocation_of(data: bytes) -> Revocation:
    """Parse a revocation and check its signature. Raises RuleBrokenError."""
    try:
        return Revocation.read(data, verify)
    except StatementError as error:
        raise RuleBrokenError(_("a revocation does not hold: {error}").format(error=error)) from error


def executed_on(roster: Roster, statements: Sequence[Statement], execution: Execution) -> Roster:
    """Return the roster after statements in the order of a commit. Raises RuleBrokenError."""
    try:
        return roster.after(statements, execution)
    except NotAllowedError as error:
        raise RuleBrokenError(
            _("a statement about the room's members does not hold: {error}").format(error=error)
        ) from error
