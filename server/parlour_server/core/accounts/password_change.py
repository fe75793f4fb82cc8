"""Password changes: by the owner, who gives the old one, or by the operator, with a new random one.

The owner must give the old password even with a valid session (P7: stolen session), and prove what the
account needs besides. A change ends all other sessions and their sockets, and is throttled like a login.
"""

from parlour_protocol.kit.payload import Payload
from parlour_protocol.kit.secret import Secret
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.password_rules import check_new_password
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.accounts import Accounts
from parlour_server.core.audit import Audit, AuditEvent
from parlour_server.core.store.records import SessionRecord


class PasswordChanger:
    """Replaces passwords. ``names`` are the server's names, which passwords must not be based on."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: Sessions,
        passwords: HashingPool,
        reauthentication: Reauthentication,
        audit: Audit,
        names: tuple[str, ...],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._reauthentication = reauthentication
        self._audit = audit
        self._names = names

    async def change(
        self, session: SessionRecord, old: Secret, new: Secret, proof: Payload | None, *, address: str
    ) -> None:
        """Replace the password and end all other sessions of the account.

        Raises PasswordRefusedError for the new one, LoginRefusedError for the old one or the proof,
        ProofNeededError, SessionRefusedError, TooManyAttemptsError, UnavailableError.
        """
        check_new_password(new, (session.user, session.device, *self._names))
        async with self._reauthentication.confirmed(session, old, proof, address=address) as by:
            hashed = await self._passwords.hash(new, address=address)
            others = await self._sessions.list(session)
            await self._accounts.set_password(by, hashed)
        self._sessions.others_ended(session, others, why="password changed")
        self._audit.record(
            AuditEvent.PASSWORD_CHANGED, user=session.user, address=address, session=session.id
        )
