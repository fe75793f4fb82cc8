"""Accounts, invites and password changes: P3, P7, P8, M4."""

from functools import partial

import pytest
from tests.server.fakes import MakeAccount, ReadableAudit, StoppedClock, by_login

from parlour_protocol.frames.bodies import Joined
from parlour_protocol.frames.replies import LogEvent
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.program import CHAT, ChatApp
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.system_account import lobby, system_account
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_change import PasswordChanger
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.registration import Registration
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.audit import AuditEvent
from parlour_server.core.bus.bus import SessionsEnded
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.config.server_settings import Logins
from parlour_server.core.errors import (
    InviteRefusedError,
    LoginRefusedError,
    NameTakenError,
    PasswordRefusedError,
    SessionRefusedError,
    TooManyAttemptsError,
    UnavailableError,
)

PASSWORD = Secret("tigress-violin-marble")
NEW = Secret("another-quiet-otter-sings")
ANNA = parse_user_name("anna")


@pytest.fixture
def maker(
    store: ChatStore, passwords: HashingPool, clock: StoppedClock, audit: ReadableAudit
) -> Registration:
    """Return what makes accounts."""
    return Registration(
        store.accounts,
        passwords,
        clock,
        audit,
        ("chat.example.org",),
        refuse_reserved=CHAT.refuse_reserved,
        account_made=partial(CHAT.account_made, store, clock),
    )


@pytest.fixture
def sessions(store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit) -> Sessions:
    """Return the sessions."""
    return Sessions(store.sessions, bus, clock, audit, Logins(), SessionActivity(clock), AccountLimits())


@pytest.fixture
def changes(
    store: ChatStore,
    sessions: Sessions,
    passwords: HashingPool,
    clock: StoppedClock,
    audit: ReadableAudit,
) -> PasswordChanger:
    """Return what changes passwords."""
    throttle = LoginThrottle(store.attempts, clock, Logins(failures_per_account=3))
    confirm = Reauthentication(store.accounts, passwords, throttle)
    return PasswordChanger(store.accounts, sessions, passwords, confirm, audit, ("chat.example.org",))


async def test_an_account_is_made_with_an_invite_and_enters_the_lobby(
    maker: Registration, store: ChatStore, invite: Secret, told: list[LogEvent]
) -> None:
    """A new account can write in the lobby at once, and its members see it join."""
    await maker.make(ANNA, PASSWORD, invite=invite)
    room = await store.rooms.find_public(lobby())
    assert room is not None
    assert await store.rooms.membership(room, ANNA) is not None
    assert [event.body for event in told] == [Joined(members=2)]


async def test_an_account_is_made_whatever_becomes_of_the_lobby(
    maker: Registration, store: ChatStore, invite: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored when the lobby is looked for, so no failure of that may say that nothing was."""

    async def fails(_: object) -> None:
        raise UnavailableError("no read works")

    monkeypatch.setattr(store.rooms, "find_public", fails)
    await maker.make(ANNA, PASSWORD, invite=invite)
    assert await store.accounts.find(ANNA) is not None


async def test_an_invite_makes_as_many_accounts_as_it_says(maker: Registration, invite: Secret) -> None:
    """The invite is for two; the third account is refused."""
    await maker.make(ANNA, PASSWORD, invite=invite)
    await maker.make(parse_user_name("bert"), PASSWORD, invite=invite)
    with pytest.raises(InviteRefusedError):
        await maker.make(parse_user_name("carl"), PASSWORD, invite=invite)


async def test_an_expired_invite_makes_no_account(
    maker: Registration, invite: Secret, clock: StoppedClock
) -> None:
    """Invites end."""
    clock.pass_seconds(61)
    with pytest.raises(InviteRefusedError):
        await maker.make(ANNA, PASSWORD, invite=invite)


async def test_without_an_invite_nothing_is_hashed(
    maker: Registration, passwords: HashingPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P6: a stranger without an invite does not make the server work."""

    async def never(_: Secret) -> str:
        raise AssertionError("hashed")

    monkeypatch.setattr(passwords, "hash", never)
    with pytest.raises(InviteRefusedError):
        await maker.make(ANNA, PASSWORD, invite=Secret.random())


async def test_a_refused_account_uses_up_no_invite(
    maker: Registration, invite: Secret, store: ChatStore
) -> None:
    """A weak password or a taken name leaves the invite as it was."""
    await maker.make(ANNA, PASSWORD, invite=invite)
    with pytest.raises(NameTakenError):
        await maker.make(ANNA, PASSWORD, invite=invite)
    with pytest.raises(PasswordRefusedError):
        await maker.make(parse_user_name("bert"), Secret("bert12345678901"), invite=invite)
    assert [record.uses for record in await store.accounts.list_invites()] == [1]


@pytest.mark.parametrize("name", ["anna", "ANNA", "house", "h0use"])
async def test_look_alike_names_are_refused(maker: Registration, invite: Secret, name: str) -> None:
    """M4: neither another person nor the system account can be imitated."""
    await maker.make(ANNA, PASSWORD, invite=invite)
    with pytest.raises((NameTakenError, NameRefusedError)):
        await maker.make(parse_user_name(name), PASSWORD, invite=invite)


async def test_default_accounts_do_not_exist(store: ChatStore) -> None:
    """P8: a new server has only the system account, which is disabled."""
    accounts = await store.accounts.list()
    assert [(account.user, account.disabled) for account in accounts] == [(system_account(), True)]


async def test_a_stolen_session_cannot_take_the_account_over(
    changes: PasswordChanger, sessions: Sessions, make_account: MakeAccount, store: ChatStore
) -> None:
    """P7: a change needs the old password, however alive the session is."""
    user = await make_account("anna")
    stolen, _ = await sessions.begin(await by_login(store, user), parse_device_name("thief"))
    with pytest.raises(LoginRefusedError):
        await changes.change(stolen, Secret("a-wrong-guess-of-it"), NEW, None, address="192.0.2.1")


async def test_a_stolen_session_ends_with_the_password(
    changes: PasswordChanger,
    sessions: Sessions,
    make_account: MakeAccount,
    store: ChatStore,
    notices: list[object],
    audit: ReadableAudit,
) -> None:
    """P7: changing the password ends every other session, and tells its sockets."""
    user = await make_account("anna")
    stolen, stolen_token = await sessions.begin(await by_login(store, user), parse_device_name("thief"))
    mine, my_token = await sessions.begin(await by_login(store, user), parse_device_name("laptop"))
    await changes.change(mine, PASSWORD, NEW, None, address="192.0.2.1")
    await sessions.authenticate(my_token)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(stolen_token)
    assert SessionsEnded(frozenset({stolen.id})) in notices
    assert AuditEvent.PASSWORD_CHANGED in audit.kinds()


async def test_a_change_on_its_way_does_not_undo_a_reset(
    changes: PasswordChanger,
    sessions: Sessions,
    make_account: MakeAccount,
    store: ChatStore,
    passwords: HashingPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P7: a thief who knows the old password changes it while the operator resets it: the reset stays."""
    user = await make_account("anna")
    stolen, _ = await sessions.begin(await by_login(store, user), parse_device_name("thief"))
    hashing = passwords.hash

    async def overtaken(password: Secret, *, address: str) -> str:
        await store.accounts.set_password(ByOperator(user), "the operator's hash")
        return await hashing(password, address=address)

    monkeypatch.setattr(passwords, "hash", overtaken)
    with pytest.raises(SessionRefusedError):
        await changes.change(stolen, PASSWORD, NEW, None, address="192.0.2.1")
    account = await store.accounts.find(user)
    assert account is not None
    assert account.password_hash == "the operator's hash"


async def test_guessing_the_old_password_is_throttled(
    changes: PasswordChanger, sessions: Sessions, make_account: MakeAccount, store: ChatStore
) -> None:
    """P5, P7: a stolen session does not bypass the throttle."""
    user = await make_account("anna")
    stolen, _ = await sessions.begin(await by_login(store, user), parse_device_name("thief"))
    for _ in range(3):
        with pytest.raises(LoginRefusedError):
            await changes.change(stolen, Secret("a-wrong-guess-of-it"), NEW, None, address="192.0.2.1")
    with pytest.raises(TooManyAttemptsError):
        await changes.change(stolen, PASSWORD, NEW, None, address="192.0.2.1")


async def test_a_change_to_a_weak_password_is_refused(
    changes: PasswordChanger, sessions: Sessions, make_account: MakeAccount, store: ChatStore
) -> None:
    """P3: the rules hold for a change as for a new account."""
    user = await make_account("anna")
    mine, _ = await sessions.begin(await by_login(store, user), parse_device_name("laptop"))
    with pytest.raises(PasswordRefusedError):
        await changes.change(mine, PASSWORD, Secret("passwordpassword"), None, address="192.0.2.1")


@pytest.mark.parametrize("name", ["bill", "bi11", "deleted-bcdfghjk", "de1eted-bcdfghjk", "déleted-x"])
async def test_a_name_that_the_program_keeps_for_itself_is_refused(
    name: str, store: ChatStore, passwords: HashingPool, clock: StoppedClock, audit: ReadableAudit
) -> None:
    """P8, M4: also while its account does not exist, and also one that only looks like it.

    So are the names that a server gives to the authors of what deleted accounts wrote.
    """
    program = ChatApp()
    program.own_accounts = frozenset({parse_user_name("bill")})
    made: list[str] = []

    async def account_made(user: UserName, role: str) -> None:
        assert not role
        made.append(user)

    maker = Registration(
        store.accounts,
        passwords,
        clock,
        audit,
        refuse_reserved=program.refuse_reserved,
        account_made=account_made,
    )
    with pytest.raises(NameRefusedError):
        await maker.make(parse_user_name(name), PASSWORD, invite=None)
    await maker.make(ANNA, PASSWORD, invite=None)
    assert made == [ANNA]
