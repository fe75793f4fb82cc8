"""P31: what a request may do is decided in the transaction that does it, for every change of an account.

Each change is raced: the session ends, or what was proved changes, after the request was checked and before
any one of its writes.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
import pytest
from nacl.signing import SigningKey
from pyotp.totp import TOTP
from tests.server.chat.delivery.https.api_harness import Home, Village
from tests.server.chat.delivery.https.conftest import OPERATIONS
from tests.server.fakes import PASSWORD, StoppedClock

from parlour_lab.software_key import SoftwareKey
from parlour_protocol.delivery import Contest, KeyPackages
from parlour_protocol.frames.opaque import KeyPackageBytes
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.api import encode_payload
from parlour_protocol.kit.ids import SessionId, new_request_id
from parlour_protocol.kit.secret import Secret
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.store.engine.connection import Engine, WriteConnection
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.core.store.engine.writer import Writer
from tests import postgres

NEW = "marble-violin-tigress"
_KEPT = {
    "accounts": "account, password_hash, disabled, needs_proof, proof_required",
    "second_factors": "factor, active, secret, counter",
    "recovery_codes": "account, digest",
    "sessions": "session, account, device_id",
    "account_keys": "account, key",
    "devices": "device, status, certificate",
    "key_packages": "device, digest, given",
    "inbox": "id, device",
    "key_log": "number",
    "entries": "log, seq",
    "files WHERE length(sha256) > 0": "file, owner",
    "invites": "digest, uses",
}
"""What no request may change any more: all that is of an account but challenges and failed logins."""


@pytest.fixture(params=["sqlite", "postgres"])
async def store(
    request: pytest.FixtureRequest, folder: DataFolder, clock: StoppedClock
) -> AsyncIterator[ChatStore]:
    """Open the chat's store: on PostgreSQL, other servers write beside this one."""
    is_sqlite = request.param == "sqlite"
    engine: Engine = SqliteEngine(folder.database) if is_sqlite else postgres.database("chat", CHAT.schema)
    opened = CHAT.make_store(engine, clock)
    await opened.open()
    yield opened
    await opened.close()


@dataclass
class Someone:
    """A person on a device, with an app for codes once it is set up."""

    home: Home
    village: Village
    app: TOTP | None = None
    factor: str = ""
    codes: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call with this session."""
        return await self.home.api.as_(self.home.token, method, path, json=body)

    async def begun(self, **step_up: object) -> tuple[str, TOTP]:
        """Begin to set up an app."""
        made = await self.ask("POST", "/v1/second-factors/totp", {"name": "app", **step_up})
        assert made.status_code == 201, made.text
        return made.json()["id"], TOTP(made.json()["secret"])

    async def enrolled(self) -> "Someone":
        """Set the app up."""
        self.factor, self.app = await self.begun(password=PASSWORD)
        done = await self.ask("POST", f"/v1/second-factors/{self.factor}/totp", {"code": self.code()})
        assert done.status_code == 200, done.text
        self.codes = done.json()["recovery_codes"]
        self.home.clock.pass_seconds(30)
        return self

    async def elsewhere(self, account: SigningKey) -> Home:
        """Log in on another device, which has this account key."""
        home = self.home
        asked = (await home.api.log_in(home.user)).json()["challenge"]
        home.clock.pass_seconds(30)
        proof = {"challenge": asked, "answer": {"kind": "totp", "code": self.code()}}
        made = await home.api.http.post("/v1/sessions/second-factor", json=proof)
        token = Secret(made.json()["session"])
        listed = (await home.api.as_(token, "GET", "/v1/sessions")).json()["sessions"]
        [session] = [SessionId(one["id"]) for one in listed if one.get("current")]
        return Home(home.api, home.clock, home.user, token, session, account)

    def code(self, app: TOTP | None = None) -> str:
        """Return what an app shows now."""
        found = app or self.app
        assert found is not None
        return found.at(self.home.clock.now() // 1000)

    async def step_up(self, recovery: str = "") -> dict[str, object]:
        """Return the password, and a proof: by the app, or by a recovery code."""
        made = await self.ask("POST", "/v1/second-factors/challenges")
        answer = {"kind": "recovery_code", "code": recovery}
        if not recovery:
            self.home.clock.pass_seconds(30)
            answer = {"kind": "totp", "code": self.code()}
        return {"password": PASSWORD, "proof": {"challenge": made.json()["challenge"], "answer": answer}}


Request = Callable[[], Awaitable[httpx.Response]]
Prepare = Callable[[Someone], Awaitable[Request]]
CHANGES: dict[str, tuple[Prepare, bool]] = {}
"""By operation: what prepares its request, and whether it needs a proof."""


def change(operation: str, *, proves: bool = False) -> Callable[[Prepare], Prepare]:
    """Race this operation."""

    def add(prepare: Prepare) -> Prepare:
        CHANGES[operation] = prepare, proves
        return prepare

    return add


@change("log_out")
async def log_out(who: Someone) -> Request:
    """End this session."""
    return lambda: who.ask("DELETE", "/v1/sessions/current")


@change("end_session")
async def end_session(who: Someone) -> Request:
    """End the session of another device."""
    other = await who.elsewhere(who.home.account)
    return lambda: who.ask("DELETE", f"/v1/sessions/{other.session}")


@change("change_password", proves=True)
async def change_password(who: Someone) -> Request:
    """Replace the password."""
    proved = await who.step_up()
    body = {"old": proved["password"], "new": NEW, "proof": proved["proof"]}
    return lambda: who.ask("POST", "/v1/password", body)


@change("challenge")
async def challenge(who: Someone) -> Request:
    """Ask for a challenge."""
    return lambda: who.ask("POST", "/v1/second-factors/challenges")


@change("begin_totp", proves=True)
async def begin_totp(who: Someone) -> Request:
    """Begin to set up another app."""
    body = {"name": "other", **await who.step_up()}
    return lambda: who.ask("POST", "/v1/second-factors/totp", body)


@change("confirm_totp")
async def confirm_totp(who: Someone) -> Request:
    """Finish setting it up."""
    factor, app = await who.begun(**await who.step_up())
    body = {"code": who.code(app)}
    return lambda: who.ask("POST", f"/v1/second-factors/{factor}/totp", body)


@change("begin_security_key", proves=True)
async def begin_security_key(who: Someone) -> Request:
    """Begin to set up a security key."""
    body = {"name": "key", **await who.step_up()}
    return lambda: who.ask("POST", "/v1/second-factors/security-keys", body)


@change("confirm_security_key")
async def confirm_security_key(who: Someone) -> Request:
    """Finish setting it up."""
    asked = {"name": "key", **await who.step_up()}
    begun = (await who.ask("POST", "/v1/second-factors/security-keys", asked)).json()
    body = _plain(SoftwareKey().register(Secret(begun["challenge"])))
    return lambda: who.ask("POST", f"/v1/second-factors/{begun['id']}/security-key", body)


@change("remove_second_factor", proves=True)
async def remove_second_factor(who: Someone) -> Request:
    """Remove the app."""
    body = await who.step_up()
    return lambda: who.ask("POST", f"/v1/second-factors/{who.factor}/removal", body)


@change("replace_recovery_codes", proves=True)
async def replace_recovery_codes(who: Someone) -> Request:
    """Get new recovery codes."""
    body = await who.step_up()
    return lambda: who.ask("POST", "/v1/second-factors/recovery-codes", body)


@change("set_account_key", proves=True)
async def set_account_key(who: Someone) -> Request:
    """Replace the account's key."""
    other = replace(who.home, account=SigningKey(secrets.token_bytes(32)))
    proved = await who.step_up()
    body = {**_plain(other.account_key()), "password": proved["password"], "factor": proved["proof"]}
    return lambda: who.ask("POST", "/v1/identity", body)


@change("register_device")
async def register_device(who: Someone) -> Request:
    """Bind a session to a device."""
    body = who.home.registration(certified=True)
    return lambda: who.home.ask("POST", "/v1/devices", body)


async def _pending(who: Someone) -> Home:
    """Make another device of theirs, which waits."""
    other = await who.elsewhere(who.home.account)
    made = await other.ask("POST", "/v1/devices", other.registration())
    assert made.status_code == 201, made.text
    return other


@change("certify_device")
async def certify_device(who: Someone) -> Request:
    """Approve another device."""
    other = await _pending(who)
    return lambda: who.home.certify(other)


@change("revoke_device")
async def revoke_device(who: Someone) -> Request:
    """Revoke another device."""
    other = await _pending(who)
    return lambda: who.home.revoke(other)


@change("put_key_packages")
async def put_key_packages(who: Someone) -> Request:
    """Bring key packages."""
    body = KeyPackages((KeyPackageBytes(secrets.token_bytes(40)),), None)
    return lambda: who.home.ask("PUT", f"/v1/devices/{who.home.device}/key-packages", body)


@change("claim_key_packages")
async def claim_key_packages(who: Someone) -> Request:
    """Claim those of someone else."""
    other = await who.village.person(f"friend-of-{who.home.user}")
    room = await who.village.room(who.home, other, name=f"den-{who.home.user}")
    return lambda: who.home.claim(room, other.device)


@change("drop_welcome")
async def drop_welcome(who: Someone) -> Request:
    """Delete a Welcome that was used."""
    other = await who.village.person(f"friend-of-{who.home.user}")
    room = await who.village.room(other, who.home, name=f"den-{who.home.user}")
    founded = await other.found(room)
    assert founded.status_code == 201, founded.text
    group = (await other.group(room)).group
    assert group is not None
    added = await other.commit(room, group, 0, added=(who.home.device,))
    assert added.status_code == 201, added.text
    waiting = (await who.home.ask("GET", f"/v1/devices/{who.home.device}/welcomes")).json()["welcomes"]
    return lambda: who.ask("DELETE", f"/v1/welcomes/{waiting[0]['id']}")


@change("upload_file")
async def upload_file(who: Someone) -> Request:
    """Store a file."""
    room = await who.village.room(who.home, name=f"den-{who.home.user}")
    headers = {"Content-Type": "application/octet-stream"}
    return lambda: who.home.ask("POST", f"/v1/rooms/{room}/files", content=b"bytes", headers=headers)


async def _grouped(who: Someone) -> tuple[RoomId, GroupId]:
    """Make a room with a group of theirs."""
    room = await who.village.room(who.home, name=f"den-{who.home.user}")
    founded = await who.home.found(room)
    assert founded.status_code == 201, founded.text
    group = (await who.home.group(room)).group
    assert group is not None
    return room, group


@change("found_group")
async def found_group(who: Someone) -> Request:
    """Create a room's group."""
    room = await who.village.room(who.home, name=f"den-{who.home.user}")
    return lambda: who.home.found(room)


@change("commit_to_group")
async def commit_to_group(who: Someone) -> Request:
    """Take a group to its next epoch."""
    room, group = await _grouped(who)
    return lambda: who.home.commit(room, group, 0)


@change("contest_commit")
async def contest_commit(who: Someone) -> Request:
    """Say that a device cannot apply a commit."""
    room, group = await _grouped(who)
    committed = await who.home.commit(room, group, 0)
    assert committed.status_code == 201, committed.text
    body = Contest(new_request_id(), group, Epoch(1))
    return lambda: who.home.ask("POST", f"/v1/rooms/{room}/contests", body)


NOT_RACED = {
    "issue_ticket": "a ticket changes nothing; redeeming it looks at the session again",
}

END = "DELETE FROM sessions WHERE session = :session"
END_ALL = "DELETE FROM sessions WHERE account = :user"
DISABLE = "UPDATE accounts SET disabled = 1 WHERE account = :user"
RESET = (
    "UPDATE accounts SET password_hash = 'of the operator', password_version = password_version + 1"
    " WHERE account = :user"
)


class Race:
    """Changes the database just before the n-th write of a request."""

    def __init__(self, store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Watch the writer."""
        self._store = store
        self._at = self._count = 0
        self._change: Callable[[WriteConnection], None] = lambda _: None
        self._submit = Writer.submit
        self._changed: Awaitable[None] | None = None
        self.seen: dict[str, list[Any]] = {}
        monkeypatch.setattr(Writer, "submit", self._submitted)

    def _submitted(self, *given: Any, **how: Any) -> Any:
        writer = given[0] if isinstance(given[0], Writer) else self._store.writer
        self._count += 1
        if self._count == self._at:
            self._changed = self._submit(writer, self._meanwhile)
        return self._submit(writer, *[one for one in given if one is not writer], **how)

    def _meanwhile(self, db: WriteConnection) -> None:
        self._change(db)
        self.seen = tables(db)

    async def run(
        self, request: Request, at: int, change: Callable[[WriteConnection], None]
    ) -> httpx.Response:
        """Make the request; 0: nothing happens meanwhile."""
        self._at, self._count, self._change = at, 0, change
        self._changed = None
        answer = await request()
        self._at = 0
        await self._finish()
        return answer

    async def _finish(self) -> None:
        if self._changed is not None:
            await self._changed

    @property
    def writes(self) -> int:
        """How many writes the last request began."""
        return self._count

    async def changes(self) -> dict[str, Any]:
        """Return what the request has changed of any account since then."""
        assert self._changed is not None, "the request made fewer writes"
        now = await self._store.readers.run(tables)
        return {name: (before, now[name]) for name, before in self.seen.items() if before != now[name]}


def tables(db: Any) -> dict[str, list[Any]]:
    """Return what no request may change."""
    return {
        table: sorted(map(repr, db.execute(f"SELECT {columns} FROM {table}").fetchall()))  # noqa: S608 - of ours
        for table, columns in _KEPT.items()
    }


@pytest.fixture
def race(store: ChatStore, monkeypatch: pytest.MonkeyPatch) -> Race:
    """Return a race."""
    return Race(store, monkeypatch)


@dataclass
class People:
    """Makes people, each with another name."""

    village: Village
    count: int = 0

    async def one(self) -> Someone:
        """Make someone with a settled device."""
        self.count += 1
        return Someone(await self.village.person(f"person-{self.count}"), self.village)


@pytest.fixture
def people(village: Village) -> People:
    """Return who makes people."""
    return People(village)


def by_hand(*statements: str, **values: object) -> Callable[[WriteConnection], None]:
    """Return a change of the database, whose named values are in their places."""

    def change(db: WriteConnection) -> None:
        for statement in statements:
            names = [name for name in values if f":{name}" in statement]
            assert len(names) <= 1
            query = statement
            for name in names:
                query = query.replace(f":{name}", "?1")
            db.execute(query, [values[name] for name in names])

    return change


def test_every_change_is_raced() -> None:
    """Each operation of a session that is no mere question."""
    asked = {row.name for row in OPERATIONS.rows if row.session and row.method != "GET"}
    assert asked == CHANGES.keys() | NOT_RACED.keys()


@pytest.mark.parametrize("operation", sorted(CHANGES))
async def test_a_session_that_ends_meanwhile_changes_nothing(
    operation: str, race: Race, people: People
) -> None:
    """Whatever write it ends before, also those of a wait for argon2 or for a body: 401."""
    prepare, proves = CHANGES[operation]

    async def prepared() -> tuple[Someone, Request]:
        who = await (await people.one()).enrolled()
        return who, await prepare(who)

    _, request = await prepared()
    done = await race.run(request, 0, by_hand())
    assert done.is_success, done.text
    writes = race.writes
    assert writes
    for statements in ((END,), (DISABLE,), (END_ALL, RESET)):
        refused = 0
        for at in range(1, writes + 1):
            who, request = await prepared()
            change = by_hand(*statements, user=who.home.user, session=who.home.session)
            answer = await race.run(request, at, change)
            changed = await race.changes()
            assert not changed
            if answer.is_success:
                break  # the change was before this write, which only counts attempts
            told = answer.status_code, answer.json()["error"]
            # the account itself was looked at when the password was verified
            seen = [(403, "wrong_password")] if proves and END not in statements else []
            assert told in [(401, "unauthenticated"), *seen], at
            refused += 1
        assert refused


NO_FACTOR = (
    "UPDATE second_factors SET active = 0 WHERE account = :user",
    "UPDATE accounts SET needs_proof = 0 WHERE account = :user",
)
NO_CODES = "DELETE FROM recovery_codes WHERE account = :user"
A_FACTOR = (
    (
        "INSERT INTO second_factors (factor, account, kind, name, created, secret, counter, active)"
        " SELECT :user, :user, 'totp', 'late', 1, token, 0, 1 FROM sessions WHERE account = :user"
    ),
    "UPDATE accounts SET needs_proof = 1 WHERE account = :user",
)


@pytest.mark.parametrize("operation", sorted(name for name, (_, proves) in CHANGES.items() if proves))
async def test_a_proof_that_is_void_meanwhile_changes_nothing(
    operation: str, race: Race, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another password, a factor or code that is gone, or a factor that came: 403, and the session lives."""
    prepare, _ = CHANGES[operation]

    async def by_code(who: Someone, _recovery: str = "") -> dict[str, object]:
        return await step_up(who, who.codes[-1])

    async def without(_who: Someone, _recovery: str = "") -> dict[str, object]:
        return {"password": PASSWORD, "proof": None}

    step_up = Someone.step_up
    for void, proved, is_enrolled, error in (
        ((RESET,), step_up, True, "wrong_password"),
        (NO_FACTOR, step_up, True, "wrong_password"),
        ((NO_CODES,), by_code, True, "wrong_password"),
        (A_FACTOR, without, False, "second_factor_needed"),
    ):
        if operation in {"replace_recovery_codes", "remove_second_factor"} and not is_enrolled:
            continue  # there is none to replace or remove
        at, writes = 1, 1
        while at <= writes:
            who = await people.one()
            if is_enrolled:
                await who.enrolled()
            monkeypatch.setattr(Someone, "step_up", proved)
            request = await prepare(who)
            answer = await race.run(request, at, by_hand(*void, user=who.home.user))
            monkeypatch.setattr(Someone, "step_up", step_up)
            changed = await race.changes()
            assert not changed
            assert (await who.ask("GET", "/v1/sessions")).status_code == 200
            if answer.is_success:
                break  # as above
            assert (answer.status_code, answer.json()["error"]) == (403, error), (void, at)
            at, writes = at + 1, max(writes, race.writes)
        assert at > 1


async def test_a_login_is_decided_where_its_session_is_made(race: Race, people: People) -> None:
    """Disabled, another password, no such factor any more: one refusal, and no session."""
    for void in ((DISABLE,), (RESET,), NO_FACTOR):
        at, writes = 1, 1
        while at <= writes:
            who = await (await people.one()).enrolled()
            asked = (await who.home.api.log_in(who.home.user)).json()["challenge"]
            proof = {"challenge": asked, "answer": {"kind": "totp", "code": who.code()}}
            request = partial(who.home.api.http.post, "/v1/sessions/second-factor", json=proof)
            answer = await race.run(request, at, by_hand(*void, user=who.home.user))
            changed = await race.changes() if race.writes >= at else {}
            assert not changed
            if answer.is_success:
                break  # as above
            assert (answer.status_code, answer.json()["error"]) == (401, "second_factor_refused")
            at, writes = at + 1, max(writes, race.writes)
        assert at > 1


def _plain(payload: Any) -> dict[str, object]:
    import msgspec  # noqa: PLC0415

    found: dict[str, object] = msgspec.json.decode(encode_payload(payload))
    return found
