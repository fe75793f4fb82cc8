"""Logging in: user enumeration (P4), fixation (K6), unlimited and endless sessions (S3, S6)."""

import pytest
from tests.server.fakes import MakeAccount, ReadableAudit, StoppedClock

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import parse_device_name
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.accounts.login import LoginService
from parlour_server.core.accounts.login_throttle import LoginThrottle
from parlour_server.core.accounts.password_hashing import HashingPool
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.accounts.session_activity import SessionActivity
from parlour_server.core.accounts.sessions import Sessions
from parlour_server.core.accounts.tables.authority import ByOperator, ByPassword
from parlour_server.core.audit import AuditEvent
from parlour_server.core.bus.bus import SessionsEnded
from parlour_server.core.bus.local_bus import LocalBus
from parlour_server.core.config.server_settings import Logins as Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import (
    LoginRefusedError,
    ProofNeededError,
    SessionRefusedError,
    TooManyAttemptsError,
    UnavailableError,
)
from parlour_server.core.store.records import SessionRecord

PASSWORD = Secret("tigress-violin-marble")
LAPTOP = parse_device_name("laptop")
DAY = 86_400
SETTINGS = Settings(session_days=30, idle_days=14, sessions_per_user=2, failures_per_account=3)


@pytest.fixture
def activity(clock: StoppedClock) -> SessionActivity:
    """Return what the sessions do."""
    return SessionActivity(clock)


@pytest.fixture
def sessions(
    store: ChatStore, bus: LocalBus, clock: StoppedClock, audit: ReadableAudit, activity: SessionActivity
) -> Sessions:
    """Return sessions that end after 30 days, or 14 unused; two an account."""
    return Sessions(store.sessions, bus, clock, audit, SETTINGS, activity, AccountLimits())


@pytest.fixture
def logins(
    store: ChatStore,
    sessions: Sessions,
    passwords: HashingPool,
    clock: StoppedClock,
    audit: ReadableAudit,
) -> LoginService:
    """Return logins over a real store."""
    throttle = LoginThrottle(store.attempts, clock, SETTINGS)
    return LoginService(store.accounts, sessions, passwords, throttle, audit)


async def log_in(
    logins: LoginService, name: str = "anna", password: Secret = PASSWORD, presented: Secret | None = None
) -> tuple[SessionRecord, Secret]:
    """Log in from one address."""
    made = await logins.log_in(name, password, LAPTOP, address="192.0.2.1", presented=presented)
    assert isinstance(made, tuple)
    return made


async def test_a_login_makes_a_session(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount
) -> None:
    """The token of a new session is authenticated as its owner's."""
    await make_account("anna")
    record, token = await log_in(logins, "ANNA")
    assert await sessions.authenticate(token) == record
    assert record.user == "anna"


async def test_an_account_that_needs_more_gets_nothing_where_nothing_asks_for_it(
    logins: LoginService, make_account: MakeAccount, store: ChatStore, passwords: HashingPool,
    clock: StoppedClock, audit: ReadableAudit,
) -> None:  # fmt: skip
    """P20: the password alone begins no session, changes nothing and clears no wrong guess."""
    await make_account("anna")
    session, _ = await log_in(logins)
    await store.writer.submit(lambda db: db.execute("UPDATE accounts SET needs_proof = 1"))
    wrong = Secret("another-violin-marble")
    for _ in range(SETTINGS.failures_per_account - 1):
        with pytest.raises(LoginRefusedError):
            await log_in(logins, password=wrong)
        with pytest.raises(ProofNeededError):
            await log_in(logins)
    assert audit.events[-1][0] is AuditEvent.LOGIN_FAILED
    asking = Reauthentication(store.accounts, passwords, LoginThrottle(store.attempts, clock, SETTINGS))
    with pytest.raises(ProofNeededError):
        async with asking.confirmed(session, PASSWORD, None, address="192.0.2.1"):
            pytest.fail("it was confirmed")
    with pytest.raises(LoginRefusedError):
        await log_in(logins, password=wrong)
    with pytest.raises(TooManyAttemptsError):
        await log_in(logins)


async def test_user_enumeration_finds_one_refusal_for_all_failures(
    logins: LoginService,
    make_account: MakeAccount,
    store: ChatStore,
    passwords: HashingPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P4: unknown, impossible, wrong and disabled are one error, and each costs one verification."""
    await make_account("anna")
    disabled = await make_account("bert")
    await store.accounts.set_disabled(ByOperator(disabled), disabled=True)
    verified: list[str | None] = []
    verify = passwords.verify

    async def counted(encoded: str | None, password: Secret, *, address: str) -> str | None:
        verified.append(encoded)
        return await verify(encoded, password, address=address)

    monkeypatch.setattr(passwords, "verify", counted)
    wrong = Secret("another-violin-marble")
    for name, password in [
        ("nobody-here", PASSWORD),
        ("no name at all", PASSWORD),
        ("x" * 4000, PASSWORD),
        ("\ud800", PASSWORD),
        ("anna", wrong),
        ("bert", PASSWORD),
        ("house", PASSWORD),
    ]:
        with pytest.raises(LoginRefusedError) as found:
            await log_in(logins, name, password)
        assert not found.value.args
    assert len(verified) == 7


async def test_throttling_is_the_same_for_a_name_that_does_not_exist(logins: LoginService) -> None:
    """P4: 429 tells nothing about whether there is such an account."""
    for _ in range(3):
        with pytest.raises(LoginRefusedError):
            await log_in(logins, "nobody-here")
    with pytest.raises(TooManyAttemptsError):
        await log_in(logins, "NOBODY-here")


async def test_fixation_is_impossible_because_a_login_makes_and_ends_sessions(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, notices: list[object]
) -> None:
    """K6: the token that is presented ends, and the new one is another."""
    await make_account("anna")
    old, old_token = await log_in(logins)
    _, new_token = await log_in(logins, presented=old_token)
    assert old_token != new_token
    assert SessionsEnded(frozenset({old.id})) in notices
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(old_token)
    await sessions.authenticate(new_token)


async def test_a_failed_login_ends_nothing(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount
) -> None:
    """K6: a wrong password must not log anyone out."""
    await make_account("anna")
    _, token = await log_in(logins)
    with pytest.raises(LoginRefusedError):
        await log_in(logins, password=Secret("another-violin-marble"), presented=token)
    await sessions.authenticate(token)


async def test_a_stolen_store_holds_no_token(
    logins: LoginService, make_account: MakeAccount, folder: DataFolder, store: ChatStore
) -> None:
    """K2: the database has only digests."""
    await make_account("anna")
    _, token = await log_in(logins)
    await store.close()
    data = b"".join(path.read_bytes() for path in folder.path.glob("parlour.db*"))
    await store.open()
    assert token.reveal().encode() not in data
    assert token.digest() in data


async def test_an_endless_session_ends_at_its_absolute_limit(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, clock: StoppedClock
) -> None:
    """S3: used every day, it still ends after thirty."""
    await make_account("anna")
    _, token = await log_in(logins)
    for _ in range(29):
        clock.pass_seconds(DAY)
        await sessions.authenticate(token)
    clock.pass_seconds(DAY + 1)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(token)


async def test_an_endless_session_ends_when_no_one_uses_it(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, clock: StoppedClock
) -> None:
    """S3: after fourteen days unused it is refused, and listed no more."""
    await make_account("anna")
    _, token = await log_in(logins)
    clock.pass_seconds(14 * DAY)
    await sessions.authenticate(token)
    clock.pass_seconds(14 * DAY + 1)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(token)
    fresh, _ = await log_in(logins)
    assert await sessions.list(fresh) == [fresh]


async def test_an_idle_session_is_not_lost_by_a_clock_that_was_ahead(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, clock: StoppedClock
) -> None:
    """A refusal deletes nothing: forty days ahead it is refused, and good again when the clock is right."""
    await make_account("anna")
    _, token = await log_in(logins)
    clock.pass_seconds(20 * DAY)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(token)
    clock.pass_seconds(-20 * DAY)
    await sessions.authenticate(token)


async def test_unlimited_sessions_are_capped(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, clock: StoppedClock
) -> None:
    """S6: over the cap, the session that was seen longest ago ends."""
    await make_account("anna")
    tokens = []
    for _ in range(3):
        tokens.append((await log_in(logins))[1])
        clock.pass_seconds(1)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(tokens[0])
    kept = await sessions.authenticate(tokens[1])
    assert len(await sessions.list(kept)) == 2


async def test_ending_a_session_of_someone_else_is_refused(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount
) -> None:
    """S6: the public id of a session is not enough to end it."""
    await make_account("anna")
    await make_account("bert")
    victim, token = await log_in(logins, "anna")
    attacker, _ = await log_in(logins, "bert")
    assert not await sessions.end(attacker, victim.id)
    await sessions.authenticate(token)


async def test_lower_parameters_are_raised_by_a_login(
    logins: LoginService, make_account: MakeAccount, store: ChatStore
) -> None:
    """P1: the row of an old hash is replaced when its owner logs in."""
    from argon2 import PasswordHasher  # noqa: PLC0415

    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16).hash(PASSWORD.reveal())
    user = await make_account("anna", old)
    await log_in(logins)
    account = await store.accounts.find(user)
    assert account is not None
    assert account.password_hash != old
    await log_in(logins)


def low_cost(password: Secret) -> str:
    """Return a hash of parameters that a login raises."""
    from argon2 import PasswordHasher  # noqa: PLC0415

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, hash_len=16)
    return hasher.hash(password.reveal())


@pytest.mark.parametrize("is_old", [False, True], ids=["same parameters", "old parameters"])
async def test_a_login_brings_no_password_back_that_was_reset_meanwhile(
    logins: LoginService,
    make_account: MakeAccount,
    store: ChatStore,
    passwords: HashingPool,
    audit: ReadableAudit,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_old: bool,
) -> None:
    """P7: the operator resets it while the old one is verified: no session begins, and the new one stays."""
    user = await make_account("anna", low_cost(PASSWORD) if is_old else None)
    verify, reset = passwords.verify, "the operator's hash"

    async def overtaken(encoded: str | None, password: Secret, *, address: str) -> str | None:
        new = await verify(encoded, password, address=address)
        await store.accounts.set_password(ByOperator(user), reset)
        return new

    monkeypatch.setattr(passwords, "verify", overtaken)
    with pytest.raises(LoginRefusedError):
        await log_in(logins)
    account = await store.accounts.find(user)
    assert account is not None
    assert account.password_hash == reset
    assert await store.sessions.list(user, StoppedClock().now()) == []
    assert audit.kinds() == [AuditEvent.LOGIN_FAILED]


async def test_a_disabled_account_is_refused_like_a_wrong_password(
    logins: LoginService, make_account: MakeAccount, store: ChatStore
) -> None:
    """Before anything is stored for it: P4, it looks the same from outside."""
    old = low_cost(PASSWORD)
    user = await make_account("anna", old)
    await store.accounts.set_disabled(ByOperator(user), disabled=True)
    with pytest.raises(LoginRefusedError):
        await log_in(logins)
    account = await store.accounts.find(user)
    assert account is not None
    assert account.password_hash == old


async def test_logins_at_once_raise_the_parameters_once_and_all_succeed(
    logins: LoginService, make_account: MakeAccount, store: ChatStore, passwords: HashingPool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """P1: a login whose hash was overtaken by another's is no wrong password."""
    user = await make_account("anna", low_cost(PASSWORD))
    stored = (await store.accounts.list())[0].password_hash
    verify, other = passwords.verify, await passwords.hash(PASSWORD, address="192.0.2.2")
    overtake = [other]

    async def overtaken(encoded: str | None, password: Secret, *, address: str) -> str | None:
        new = await verify(encoded, password, address=address)
        if overtake:
            await store.accounts.set_rehashed(ByPassword(user, stored), overtake.pop())
        return new

    monkeypatch.setattr(passwords, "verify", overtaken)
    await log_in(logins)
    account = await store.accounts.find(user)
    assert account is not None
    assert account.password_hash == other


async def test_a_login_elsewhere_refuses_no_change_of_the_password(
    logins: LoginService, make_account: MakeAccount, store: ChatStore, passwords: HashingPool,
    clock: StoppedClock,
) -> None:  # fmt: skip
    """P1: it raises the parameters while someone who proved the same password changes something."""
    user = await make_account("anna")
    session, _ = await log_in(logins)
    weak = low_cost(PASSWORD)
    await store.accounts.set_rehashed(ByPassword(user, (await store.accounts.list())[0].password_hash), weak)
    throttle = LoginThrottle(store.attempts, clock, SETTINGS)
    asking = Reauthentication(store.accounts, passwords, throttle)
    async with asking.confirmed(session, PASSWORD, None, address="192.0.2.1") as by:
        await log_in(logins)
        await store.accounts.set_password(by, await passwords.hash(PASSWORD, address="192.0.2.1"))


async def test_the_audit_trail_tells_who_and_never_what(
    logins: LoginService, make_account: MakeAccount, audit: ReadableAudit
) -> None:
    """M7, K7: success and failure are recorded with name and address, without a secret."""
    await make_account("anna")
    _, token = await log_in(logins)
    with pytest.raises(LoginRefusedError):
        await log_in(logins, "CANARY typed into the wrong field", Secret("CANARY-password-typed"))
    assert audit.kinds() == [AuditEvent.LOGIN_OK, AuditEvent.LOGIN_FAILED]
    assert all(fields["address"] == "192.0.2.1" for _, fields in audit.events)
    text = repr(audit.events)
    assert "CANARY" not in text
    assert token.reveal() not in text


async def test_activity_is_stored_in_one_write(
    logins: LoginService, sessions: Sessions, make_account: MakeAccount, clock: StoppedClock, store: ChatStore
) -> None:
    """The idle limit needs no write for each request: it is noted, and written when someone says so."""
    user = await make_account("anna")
    record, token = await log_in(logins)
    clock.pass_seconds(59)
    await sessions.authenticate(token)
    assert (await store.sessions.list(user, clock.now()))[0].last_seen == record.last_seen
    assert (await sessions.list(record))[0].last_seen == Millis(record.last_seen + 59_000)
    await sessions.write_activity()
    assert (await store.sessions.list(user, clock.now()))[0].last_seen == Millis(record.last_seen + 59_000)


async def test_a_full_disk_ends_no_session(
    store: ChatStore, sessions: Sessions, logins: LoginService, make_account: MakeAccount,
    clock: StoppedClock, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """That it was seen cannot be noted; its person reads all the same."""
    await make_account("anna")
    record, token = await log_in(logins)
    clock.pass_seconds(61)

    async def full(*_: object) -> None:
        raise UnavailableError

    monkeypatch.setattr(store.sessions, "touch", full)
    assert (await sessions.authenticate(token)).id == record.id
    await sessions.write_activity()
    assert (await sessions.list(record))[0].last_seen == record.last_seen + 61_000


async def test_at_the_cap_the_session_that_chats_stays(
    logins: LoginService,
    sessions: Sessions,
    make_account: MakeAccount,
    clock: StoppedClock,
    activity: SessionActivity,
) -> None:
    """L29: the first of three is the one in use, by its socket; the second ends."""
    await make_account("anna")
    first, first_token = await log_in(logins)
    clock.pass_seconds(1)
    _, second_token = await log_in(logins)
    clock.pass_seconds(1)
    activity.used(first.id)
    await log_in(logins)
    await sessions.authenticate(first_token)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(second_token)


async def test_at_the_cap_a_session_with_a_silent_socket_stays(
    logins: LoginService,
    sessions: Sessions,
    make_account: MakeAccount,
    clock: StoppedClock,
    activity: SessionActivity,
) -> None:
    """L29: who reads and says nothing is in use all the same, and not any more when the socket is gone."""
    await make_account("anna")
    first, first_token = await log_in(logins)
    activity.opened(first.id)
    for _ in range(3):
        clock.pass_seconds(1)
        await log_in(logins)
    await sessions.authenticate(first_token)
    activity.closed(first.id)
    for _ in range(2):
        clock.pass_seconds(1)
        await log_in(logins)
    with pytest.raises(SessionRefusedError):
        await sessions.authenticate(first_token)
