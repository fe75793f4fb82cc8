"""Registration: accounts are created with an invite over HTTPS, or by the operator on the command line.

No one registers without an invite, and there is no default account (P8). A name that looks like another's is
refused (M4). Every account joins the lobby.
"""

from parlour_protocol.errors import ErrorCode
from parlour_protocol.frames.bodies import Joined
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.names import UserName, skeleton
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomKind
from parlour_server.chat.notices import EventCommitted
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.auth.password_hashing import HashingPool
from parlour_server.kit.auth.password_rules import check_new_password
from parlour_server.kit.bus.bus import Bus
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import InviteRefusedError, NameTakenError, RefusedError, UnavailableError
from parlour_server.kit.store.records import NewAccountRecord
from parlour_server.store.interface import Store
from parlour_server.store.types import AppendEvent, Facts
from parlour_server.system_account import lobby, refuse_system_account, system_device


class Registration:
    """Creates accounts. ``names`` are the server's names, which passwords must not be based on."""

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
        """Create the account and add it to the lobby; ``invite`` is None only for the operator.

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
        """Refuse an invite that does not exist before running argon2 for a stranger (P6).

        The store checks again in the transaction that uses the invite.
        """
        digest = invite.digest()
        if all(known.digest != digest for known in await self._store.accounts.list_invites()):
            raise InviteRefusedError

    async def _enter_lobby(self, user: UserName) -> None:
        room = await self._store.rooms.find_public(lobby())
        if room is None:  # the operator removed the lobby
            return
        event = AppendEvent(room, user, system_device(), new_request_id(), self._clock.now(), Joined())
        try:
            appended = await self._store.log.append(event, _anyone_may_join)
        except (RefusedError, UnavailableError):
            return  # the account exists; its owner can still join by hand
        self._bus.publish(EventCommitted(appended.event))


def _anyone_may_join(_: AppendEvent, facts: Facts) -> None:
    """Allow joining a public room that the account is not in already."""
    if facts.kind is not RoomKind.PUBLIC or facts.author is not None:
        raise RefusedError(ErrorCode.ALREADY)
