"""What the tests of every store have in common: a clock to turn, people and sessions made in one line."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from parlour_protocol.kit.ids import Millis, SessionId, new_session_id
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name
from parlour_server.core.accounts.tables.authority import ByLogin, BySession
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.records import NewAccountRecord, SessionRecord, TicketGrant
from parlour_server.testing import clock as kit_clock

DEVICE: DeviceName = parse_device_name("laptop")


async def log_in(
    store: KitStore,
    session: SessionRecord,
    *,
    cap: int,
    verified: str | None = None,
    in_use: Collection[SessionId] = frozenset(),
) -> None:
    """Store a session of someone who knows the password: that of the hash ``verified``, or today's."""
    account = await store.accounts.find(session.user)
    known = "" if account is None else account.password_hash
    await store.sessions.create(ByLogin(session.user, verified or known), session, cap=cap, in_use=in_use)


class FakeClock(kit_clock.FakeClock):
    """A clock that begins in 2023 and only moves when a test advances it."""

    def __init__(self) -> None:
        """Begin."""
        super().__init__(1_700_000_000_000)


class KitWorld:
    """A store, its clock, and short ways to fill it."""

    def __init__(self, store: KitStore, clock: FakeClock) -> None:
        """Work with an open store."""
        self.store = store
        self.clock = clock

    async def account(self, name: str) -> UserName:
        """Make an account."""
        user = parse_user_name(name)
        await self.store.accounts.create(self.new_account(name), None)
        return user

    def new_account(self, name: str, skeleton: str | None = None) -> NewAccountRecord:
        """Return an account to be made."""
        return NewAccountRecord(parse_user_name(name), skeleton or name, f"hash of {name}", self.clock.now())

    async def people(self, count: int) -> list[UserName]:
        """Make so many accounts."""
        return await asyncio.gather(*(self.account(f"person{number}") for number in range(count)))

    def session(self, user: UserName, number: int, *, days: int = 30) -> SessionRecord:
        """Return a session to be kept, its token made of its number."""
        now = self.clock.now()
        return SessionRecord(
            id=SessionId(f"session{number:015}"),
            user=user,
            device=DEVICE,
            token=number.to_bytes(32, "big"),
            created=now,
            last_seen=now,
            expires=Millis(now + days * 86_400_000),
        )

    async def by(self, user: UserName) -> BySession:
        """Return a request of a session of theirs, which is made if there is none."""
        for held in await self.store.sessions.list(user, self.clock.now()):
            return BySession(user, held.id)
        made = replace(self.session(user, 0), id=new_session_id(), token=new_session_id().encode())
        await log_in(self.store, made, cap=99)
        return BySession(user, made.id)

    def grant(self, session: SessionRecord) -> TicketGrant:
        """Return what a ticket of this session opens."""
        return TicketGrant(session.id, session.user, session.device, session.expires)
