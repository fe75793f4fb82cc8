"""Accounts: made with an invite over HTTPS, or by the operator on the machine itself.

Registration is closed: no invite, no account, and no default account exists (P8). A name that looks like
another's is refused (M4). Anyone who has an account is in the lobby.
"""

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.base import RoomKind
from parlour_protocol.frames.bodies import Joined
from parlour_protocol.ids import new_request_id
from parlour_protocol.names import UserName, skeleton
from parlour_protocol.secret import Secret
from parlour_server.audit import Audit, AuditEvent
from parlour_server.auth.password_hashing import HashingPool
from parlour_server.auth.password_rules import check_new_password
from parlour_server.bus.bus import Bus, EventCommitted
from parlour_server.clock import Clock
from parlour_server.errors import InviteRefusedError, NameTakenError, RefusedError, UnavailableError
from parlour_server.store.interface import Store
from parlour_server.store.types import AppendEvent, Facts, NewAccountRecord
from parlour_server.system_account import lobby, refuse_system_account, system_device


class Registration:
    """Makes accounts. ``names`` are the server's own, which no password may be made of."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        passwords: HashingPool,
        clock: Clock,
        audit: Audit,
        names: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._bus = bus
        self._passwords = passwords
        self._clock = clock
        self._audit = audit
        self._names = names

    async def make(
        self, user: UserName, password: Secret, *, invite: Secret | None, address: str = "local"
    ) -> None:
        """Make the account and bring it into the lobby; ``invite`` is None only for the operator.

        Raises NameRefusedError, PasswordRefusedError, InviteRefusedError, NameTakenError, UnavailableError.
        """
        try:
            refuse_system_account(user)
            if invite is not None:
                await self._refuse_early(invite)
            check_new_password(password, (user, *self._names))
            hashed = await self._passwords.hash(password, address=address)
            record = NewAccountRecord(user, skeleton(user), hashed, self._clock.now())
            await self._store.accounts.create(record, invite.digest() if invite is not None else None)
        except (InviteRefusedError, NameTakenError) as error:
            self._audit.record(
                AuditEvent.ACCOUNT_REFUSED, user=user, address=address, why=type(error).__name__
            )
            raise
        self._audit.record(AuditEvent.ACCOUNT_MADE, user=user, address=address)
        await self._enter_lobby(user)

    async def _refuse_early(self, invite: Secret) -> None:
        """Refuse an invite that does not exist before argon2 works for a stranger (P6).

        The store looks again, and for good, in the transaction that uses the invite up.
        """
        digest = invite.digest()
        if all(known.digest != digest for known in await self._store.accounts.list_invites()):
            raise InviteRefusedError

    async def _enter_lobby(self, user: UserName) -> None:
        room = await self._store.rooms.find_public(lobby())
        if room is None:  # the operator took it away
            return
        event = AppendEvent(room, user, system_device(), new_request_id(), self._clock.now(), Joined())
        try:
            appended = await self._store.log.append(event, _anyone_may_join)
        except (RefusedError, UnavailableError):
            return  # the account exists; its owner can still join by hand
        self._bus.publish(EventCommitted(appended.event))


def _anyone_may_join(_: AppendEvent, facts: Facts) -> None:
    """Allow it where the room is public and the account is not in it already."""
    if facts.kind is not RoomKind.PUBLIC or facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY)
