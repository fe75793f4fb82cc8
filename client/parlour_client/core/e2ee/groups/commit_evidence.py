"""The evidence in a commit: the signed statements and revocations that it is based on.

They are in the commit's authenticated data, so that every member can check why someone was added or removed.
A commit that only renews keys, or adds a device of someone who is already in the group, has none. ``commit``
writes them, ``policy`` judges them.
"""

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parlour_client.core.e2ee.groups.group_errors import RuleBrokenError
from parlour_client.core.e2ee.identity.signing import verify
from parlour_client.kit.language import _
from parlour_protocol.identity import Revocation, StatementError
from parlour_protocol.kit.ids import DeviceId
from parlour_protocol.membership import NotAllowedError, Request, Roster, Statement, read_statement

MAX_STATEMENTS: Final = 64
"""Statements in one commit; further ones wait for the next one."""
MAX_REVOCATIONS: Final = 512


class Evidence(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Statements in the order in which they take effect, and revocations of devices that are removed."""

    statements: Annotated[tuple[bytes, ...], Meta(max_length=MAX_STATEMENTS)] = ()
    revocations: Annotated[tuple[bytes, ...], Meta(max_length=MAX_REVOCATIONS)] = ()

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
        if found.encode() != data:
            raise RuleBrokenError(_("a commit carries evidence that is not in its one form"))
        return found

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


def roster_after(roster: Roster, statements: Iterable[bytes], devices: Collection[DeviceId]) -> Roster:
    """Return the roster after statements by ``devices``, which are in the group. Raises RuleBrokenError.

    Only a request to join a public room can come from outside.
    """
    for data in statements:
        statement = statement_of(data)
        if not isinstance(statement.act, Request) and statement.device not in devices:
            raise RuleBrokenError(
                _("a device of {by} signed a statement and is not in the group").format(by=statement.by)
            )
        try:
            roster = roster.applied(statement)
        except NotAllowedError as error:
            raise RuleBrokenError(
                _("a statement of {by} does not hold: {error}").format(by=statement.by, error=error)
            ) from error
    return roster
