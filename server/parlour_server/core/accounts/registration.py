"""Registration: accounts are created with an invite over HTTPS, or by the operator on the command line.

No one registers without an invite, and there is no default account (P8). A name that looks like another's is
refused (M4), and so is one that the program keeps for itself.
"""

from collections.abc import Awaitable, Callable

from parlour_protocol.kit.names import UserName, skeleton
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.password_rules import check_new_password
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.clock import Clock
from parlour_server.core.errors import InviteRefusedError, NameTakenError
from parlour_server.core.store.engine.connection import WriteConnection
from parlour_server.core.store.records import NewAccountRecord


class Registration:
    """Creates accounts."""

    def __init__(
        self,
        accounts: Accounts,
        passwords: HashingPool,
        clock: Clock,
        audit: Audit,
        names: tuple[str, ...] = (),
        *,
        refuse_reserved: Callable[[UserName], None],
        account_made: Callable[[UserName, str], Awaitable[None]],
    ) -> None:
        """``names`` are the server's, which passwords must not be based on; the rest is the program's.

        ``account_made`` gets the role of the invite, too.
        """
        self._accounts = accounts
        self._passwords = passwords
        self._clock = clock
        self._audit = audit
        self._names = names
        self._refuse_reserved = refuse_reserved
        self._account_made = account_made

    async def make(
        self,
        user: UserName,
        password: Secret,
        *,
        invite: Secret | None,
        address: str = "local",
        with_it: Callable[[WriteConnection], None] | None = None,
    ) -> None:
        """Create the account, and tell the program.

        ``invite`` is None only for the operator, and for a capability that vouches for the person; what it
        writes ``with_it`` is in the same transaction.

        Raises NameRefusedError, PasswordRefusedError, InviteRefusedError, NameTakenError, UnavailableError.
        """
        try:
            self._refuse_reserved(user)
            if invite is not None:
                await self._refuse_early(invite)
            check_new_password(password, (user, *self._names))
            hashed = await self._passwords.hash(password, address=address)
            record = NewAccountRecord(user, skeleton(user), hashed, self._clock.now())
            digest = invite.digest() if invite is not None else None
            role = await self._accounts.create(record, digest, with_it)
        except (InviteRefusedError, NameTakenError) as error:
            self._audit.record(
                AuditEvent.ACCOUNT_REFUSED, user=user, address=address, why=type(error).__name__
            )
            raise
        about = {"role": role} if role else {}
        self._audit.record(AuditEvent.ACCOUNT_MADE, user=user, address=address, **about)
        await self._account_made(user, role)

    async def _refuse_early(self, invite: Secret) -> None:
        """Refuse an invite that does not exist before running argon2 for a stranger (P6).

        The store checks again in the transaction that uses the invite.
        """
        digest = invite.digest()
        if all(known.digest != digest for known in await self._accounts.list_invites()):
            raise InviteRefusedError
