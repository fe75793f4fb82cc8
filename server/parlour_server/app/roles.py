"""The roles of a program's accounts: who may ask for what, and what one may give to another.

``App`` looks a role up for each request that not everyone may make, and again in the transaction of an entry
that such a request appends, so that it ends with the next request when it is taken away. What a connection
follows by such a request ends, too.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.errors import ErrorCode, ProgramError
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_server.core.accounts.tables.authority import BySession
from parlour_server.core.audit import AuditEvent
from parlour_server.core.connections.peer import Peer
from parlour_server.core.errors import RefusedError
from parlour_server.core.store.records import InviteRecord

if TYPE_CHECKING:
    from parlour_protocol.kit.secret import Secret
    from parlour_server.app.parts import Parts
    from parlour_server.app.program_store import ProgramStore

ROLES: Final = ("member", "moderator", "owner")
"""Those of a program that names no others."""
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DAY: Final = 86_400_000
_USES: Final = range(1, 10_001)
_DAYS: Final = range(1, 3_651)


class Roles:
    """The names, lowest first. Each role may do what those before it may.

    An account has the lowest unless its invite, the operator (`role`) or someone with a higher one gave it
    another. One that the program has no more counts as the lowest.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """Raise ProgramError for names that are not words, or not different."""
        self.names: Final = tuple(str(name) for name in names)
        if not names or len(set(self.names)) != len(names) or not all(map(_NAME.fullmatch, self.names)):
            raise ProgramError(
                f"{', '.join(self.names) or 'nothing'}: roles are different words of lower-case letters,"
                " digits and hyphens, the lowest first, and there is at least one"
            )
        self._ranks: Final = {name: rank for rank, name in enumerate(self.names)}
        self._parts: Parts[Any, ProgramStore] | None = None

    def known(self, stored: str) -> str:
        """Return the role of an account whose row has this: the lowest for none, or for an unknown one."""
        return self.names[self._ranks.get(stored, 0)]

    def needed(self, what: str, role: str | None) -> frozenset[str] | None:
        """Return the roles that may ask for something, None if everyone may. Raises ProgramError."""
        if role is None:
            raise ProgramError(
                f"{what} does not say who may ask for it: write role=… with the lowest role that may"
                f" ({', '.join(self.names)}), {self.names[0]} for everyone"
            )
        self._check(role)
        return frozenset(self.names[self._ranks[role] :]) if self._ranks[role] else None

    async def of(self, user: UserName) -> str:
        """Return the role of an account now. Raises UnavailableError."""
        return self.known(await self._running().store.accounts.role(user))

    async def refuse_others(self, user: UserName, needed: frozenset[str]) -> None:
        """Raise RefusedError for an account that has none of these roles now, or UnavailableError."""
        self.refuse(needed, await self._running().store.accounts.role(user))

    def refuse(self, needed: frozenset[str], stored: str) -> None:
        """Raise RefusedError unless what an account's row has is one of these roles."""
        if stored not in needed:
            lowest = min(needed, key=self._ranks.__getitem__)
            higher = "" if len(needed) == 1 else " or a higher one"
            raise RefusedError(ErrorCode.FORBIDDEN, f"this needs the role {lowest}{higher}")

    async def give(self, peer: Peer[Any], user: UserName, role: str) -> None:
        """Let someone give a role to another: at most their own, to someone who has less than they.

        Who has the highest may give every role to everyone. It is decided in the transaction. Raises
        RefusedError, ProgramError for a role that the program has not, and UnavailableError.
        """
        self._check(role)

        def may_give(own: str, before: str) -> None:
            self._refuse_more_than(own, role)
            if self._rank(before) >= self._rank(own) != len(self.names) - 1:
                raise RefusedError(ErrorCode.FORBIDDEN, f"{user} has the role {self.known(before)}, too")

        parts = self._running()
        await parts.store.accounts.set_role(BySession(peer.user, peer.session), user, role, may_give)
        parts.audit.record(AuditEvent.ROLE_GIVEN, user=peer.user, subject=user, role=role)

    async def invite(self, peer: Peer[Any], role: str, *, uses: int = 1, days: int = 7) -> "Secret":
        """Let someone invite others with a role, at most their own; returns the code of the invite.

        Anyone who has the code can register with it, ``uses`` times, until someone changes the role of who
        made it, or their account is disabled. Raises as ``give``, and RefusedError for more than an operator
        may give an invite: 1 to 10,000 uses, 1 to 3,650 days.
        """
        from parlour_protocol.kit.secret import Secret  # noqa: PLC0415 - see ``App``

        self._check(role)
        if uses not in _USES or days not in _DAYS:
            raise RefusedError(
                ErrorCode.MALFORMED, f"an invite has 1 to {_USES[-1]} uses, and lasts 1 to {_DAYS[-1]} days"
            )
        parts, code = self._running(), Secret.random()
        now = parts.clock.now()
        invite = InviteRecord(code.digest(), uses, now, Millis(now + days * _DAY), role)
        by = BySession(peer.user, peer.session)
        await parts.store.accounts.invite(by, invite, lambda own: self._refuse_more_than(own, role))
        parts.audit.record(AuditEvent.INVITE_MADE, user=peer.user, role=role, uses=uses)
        return code

    def begin(self, parts: "Parts[Any, ProgramStore]") -> None:
        """Start with the server, and end with it; ``App`` calls it."""
        self._parts = parts
        parts.stack.callback(self._end)

    def _refuse_more_than(self, own: str, role: str) -> None:
        if self._rank(role) > self._rank(own):
            raise RefusedError(
                ErrorCode.FORBIDDEN, f"you have the role {self.known(own)}, and can't give {role}"
            )

    def _check(self, role: str) -> None:
        if role not in self._ranks:
            raise ProgramError(f"there is no role {role}: the program has {', '.join(self.names)}")

    def _rank(self, stored: str) -> int:
        return self._ranks.get(stored, 0)

    def _running(self) -> "Parts[Any, ProgramStore]":
        if self._parts is None:
            raise ProgramError("roles are looked up while the server does not run")
        return self._parts

    def _end(self) -> None:
        self._parts = None
