"""A small world for tests of groups: devices with archives of their own, and an honest server's log.

Tests make the server hostile by building events themselves (``Log.add``). What a device was shown lies in a
table of its archive, written in the same transaction, so a crash loses or repeats both or neither.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw
from tests.client.core.e2ee.room_log import PHONE, ROOM, START, Log, StaleError, sealed_body, waiting

from parlour_client.core.archive import key_log_copy, own_keys
from parlour_client.core.archive.schema import create
from parlour_client.core.e2ee.decisions import MakeAct, sign
from parlour_client.core.e2ee.group import commit, join, receive, report, seal, store
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_client.core.e2ee.group.plan import Plan, admission, signed
from parlour_client.core.e2ee.group.run import Receipt, Received
from parlour_client.core.e2ee.group.store import Groups
from parlour_client.core.e2ee.identity import key_packages
from parlour_client.core.e2ee.identity.keys import (
    KNOWN,
    SUITES,
    AccountKey,
    DeviceKey,
    read_certificate,
    verify,
)
from parlour_client.core.e2ee.identity.own_device import OwnIdentity
from parlour_mls import CLASSIC, CipherSuite, KeyPackageStore, Lifetime, Policy, suite_of
from parlour_protocol.delivery import Commit, CreateGroup, DeviceStatus, WaitingWelcome
from parlour_protocol.encrypted import AnyContent, TextContent
from parlour_protocol.frames import LogEvent, MessageText
from parlour_protocol.frames.bodies import Created
from parlour_protocol.frames.opaque import StatementBytes
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId, Seq
from parlour_protocol.kit.names import UserName, parse_user_name
from parlour_protocol.membership import Accept, Execution, Remove, Roster, Statement, read_statement
from parlour_protocol.rooms import RoomKind, RoomSuite

P = ParamSpec("P")
T = TypeVar("T")

SERVER = "chat.example"


def request(number: int) -> RequestId:
    """Return a request id that tells what it is in a failure."""
    return RequestId(f"request-{number:014}")


def clocks(log: Log) -> tuple[Millis, Millis]:
    """Return the server's time and that of a device whose clock is right."""
    return Millis(log.now), Millis(log.now)


def text(words: str) -> TextContent:
    """Return a message."""
    return TextContent(text=MessageText.parse(words))


ACCOUNTS: dict[UserName, bytes] = {}
"""The key log: the newest account key of everyone."""


@dataclass(slots=True)
class People:
    """Who is known: everyone, until a test says otherwise."""

    worries: dict[UserName, str] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def judge(self, _connection: apsw.Connection, certificate: bytes, _now: Millis) -> Any:
        """Judge."""
        self.asked.append(certificate)
        words = self.worries.get(read_certificate(certificate).user, "")
        return Verdict(bool(words), words)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``People`` says."""

    blocks: bool
    words: str
    certificate: None = None


@functools.cache
def _template() -> bytes:
    """Return an empty archive; making its tables again for each device takes longer than most tests."""
    connection = apsw.Connection(":memory:")
    create(connection)
    connection.execute("CREATE TABLE shown (room, seq, what, PRIMARY KEY (room, seq))")
    return connection.serialize("main")


def opened(path: str) -> apsw.Connection:
    """Open an archive, not encrypted: the tests are about what is in it."""
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(path, flags)
    connection.set_busy_timeout(2_000)
    if int(str(connection.pragma("user_version"))) == 0:
        source = apsw.Connection(":memory:")
        source.deserialize("main", _template())
        with connection.backup("main", source, "main") as backup:
            backup.step()
    return connection


class Device:
    """A device: its keys, its archive and its groups. ``twin`` is another process on the same archive."""

    def __init__(
        self, user: str, account: AccountKey | None = None, path: str | Path = ":memory:", at: int = START
    ) -> None:
        self.user = parse_user_name(user)
        self.account = account or AccountKey.generate()
        self.key = DeviceKey.generate(self.user, SERVER)
        _, self.certificate = self.account.certify(self.user, SERVER, self.key.public, PHONE, Millis(at))
        self.people = People()
        self.suite: CipherSuite = CLASSIC
        self.path = str(path)
        self.connection = opened(self.path)
        ACCOUNTS[self.user] = self.account.public
        self.receipts: list[Receipt] = []
        self.begin()

    @property
    def id(self) -> DeviceId:
        """Its id."""
        return self.key.id

    @property
    def own(self) -> OwnIdentity:
        """What its groups know of it."""
        return OwnIdentity(
            self.user,
            SERVER,
            self.key,
            self.account.public,
            self.account,
            self.certificate,
            DeviceStatus.ACTIVE,
        )

    def begin(self) -> None:
        """Start the program: nothing is in memory."""
        self.groups = Groups(self.own, self.people.judge)

    def worry(self, user: UserName, words: str) -> None:
        """Let a person's key have changed."""
        self.people.worries[user] = words
        self.run(own_keys.trust_changed)

    def reopen(self) -> None:
        """Start again after a crash."""
        self.connection.close()
        self.connection = opened(self.path)
        self.begin()

    def twin(self) -> "Device":
        """Return another process of the same home."""
        other = object.__new__(Device)
        other.__dict__.update(self.__dict__)
        other.connection = opened(self.path)
        other.receipts = []
        other.begin()
        return other

    def run(self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run in a durable transaction, as the archive does."""
        self.connection.pragma("synchronous", "full")
        return self._transaction(call, *args, **kwargs)

    def loosely(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run in a transaction that a power cut may undo."""
        self.connection.pragma("synchronous", "normal")
        return self._transaction(call, *args, **kwargs)

    def _transaction(
        self, call: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            result = call(self.connection, *args, **kwargs)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        self.after_transaction()
        return result

    def after_transaction(self) -> None:
        """Between the disk and whatever comes next."""

    def package(self, *, last_resort: bool = False, at: int = START) -> bytes:
        """Publish a key package."""
        return self.run(self._package, last_resort, at)

    def _package(self, connection: apsw.Connection, last_resort: bool, at: int) -> bytes:  # noqa: FBT001
        store = key_packages.load(connection)
        made = store.create(
            self.key.credential,
            self.key.signer,
            Lifetime(at // 1_000 - 3_600, at // 1_000 + 30 * 86_400),
            suite=self.suite,
            last_resort=last_resort,
            leaf_extensions=self.own.leaf_extensions,
            policy=Policy(extensions=KNOWN, cipher_suites=SUITES),
        )
        key_packages.save(connection, store)
        return made

    def packages(self) -> KeyPackageStore:
        """Return its unused key packages."""
        return key_packages.load(self.connection)

    # --- what the orchestration does

    def make_group(self, room: RoomId, kind: RoomKind, *more: Any) -> CreateGroup:
        """Make a group and keep it; ``more``: the request, the time, and people."""
        return self.run(commit.create_group, self.groups, room, kind, *more)

    def make_commit(self, room: RoomId, wanted: CommitRequest) -> Commit:
        """Make a commit and keep it."""
        return self.run(commit.stage, self.groups, room, wanted)

    def create_group(self, log: Log, number: int = 1) -> None:
        """Found the room's group."""
        asked = self.make_group(log.room, log.kind, request(number), Millis(log.now))
        log.create_group(self, asked)
        self.sync(log)

    def stage(
        self, log: Log, number: int, add: Sequence["Device"] = (), remove: Sequence["Device"] = ()
    ) -> Commit:
        """Make a commit and keep it."""
        statements, revocations = self.evidence(log, add, remove)
        wanted = CommitRequest(
            request(number),
            {device.id: device.package() for device in add},
            [device.id for device in remove],
            *clocks(log),
            statements,
            revocations,
        )
        return self.make_commit(log.room, wanted)

    def wanted(self, log: Log, number: int, packages: dict[DeviceId, bytes], made: Plan) -> CommitRequest:
        """Return what a plan asks for."""
        return CommitRequest(
            request(number),
            packages,
            made.remove,
            *clocks(log),
            made.statements,
            made.revocations,
        )

    def evidence(
        self, log: Log, add: Sequence["Device"] = (), remove: Sequence["Device"] = ()
    ) -> tuple[list[bytes], list[bytes]]:
        """Sign what allows it: we admit who is new, who goes has left, single devices are revoked."""
        roster = self.groups.stored(self.connection, log.room).rules.roster
        statements, revocations = [], []
        devices = [one.device for one in self.status(log).members]
        execution = Execution(Millis(log.now), self.user, devices, lambda *_: True)
        out = {device.id for device in remove}
        for device in [one for one in remove if one.id != self.id]:
            theirs = [one.device for one in self.status(log).members if one.user == device.user]
            if set(theirs) <= out and roster.person(device.user) is not None:
                act = Remove(
                    server=SERVER, room=log.room, serial=roster.serial, at=Millis(log.now), who=device.user
                )
                statements.append(signed(device.own, act))
                roster = roster.applied(read_statement(statements[-1], verify), execution)
            elif not set(theirs) <= out:
                revocations.append(
                    device.account.revoke(device.user, SERVER, device.key.public, Millis(log.now))
                )
        for device in add:
            if not roster.admits(device.user, device.account.public):
                admission, acceptance = self.admitted(roster, device, log)
                accepted = () if acceptance is None else (acceptance,)
                statements += [one.data for one in (*accepted, admission)]
                roster = roster.applied(admission, execution, acceptance)
        return statements, revocations

    def admitted(self, roster: Roster, who: "Device", log: Log) -> tuple[Statement, Statement | None]:
        """Admit a person, who accepts; in a direct room no one needs to."""
        data = signed(self.own, admission(roster, who.user, who.account.public, Millis(log.now)))
        found = read_statement(data, verify)
        return found, None if log.kind is RoomKind.DIRECT else who.accepts(found, log)

    def accepts(self, admission: Statement, log: Log) -> Statement:
        """Accept an admission."""
        act = Accept(SERVER, log.room, 0, Millis(log.now), self.user, admission.digest)
        return read_statement(signed(self.own, act), verify)

    def sign(self, log: Log, make: MakeAct) -> StatementBytes:
        """Sign a statement for an event."""
        return self.run(sign, self.groups, log.room, make, Millis(log.now))

    def read_key_log(self) -> None:
        """Learn everyone's account key."""
        for at, (user, key) in enumerate(ACCOUNTS.items()):
            self.run(key_log_copy.set_account, user, key, Millis(START), at)

    def commit(
        self, log: Log, number: int, add: Sequence["Device"] = (), remove: Sequence["Device"] = ()
    ) -> None:
        """Commit and see it in the log."""
        log.commit(self, self.stage(log, number, add, remove))
        self.sync(log)

    def seal(self, log: Log, number: int, what: str | AnyContent, blanks: Seq | None = None) -> SendEncrypted:
        """Seal something."""
        content = text(what) if isinstance(what, str) else what
        stored = [one for user, one in log.answers if user == self.user]
        return self.run(
            seal.encrypt, self.groups, request(number), log.room, content, Millis(log.now), blanks, stored
        )

    def say(self, log: Log, number: int, what: str | AnyContent, blanks: Seq | None = None) -> Seq:
        """Seal and send something."""
        return log.send(self, self.seal(log, number, what, blanks))

    def sync(self, log: Log) -> list[Received]:
        """Take in what is new in the log, joining where it must."""
        items: list[Received] = []
        while len(log.events) > self.cursor(log):
            receipt = self.receive(log.events[self.cursor(log) :], log.room)
            items += receipt.items
            event = receipt.needs_welcome
            if event is None:
                break
            self.join(log, event)
        return items

    def join(self, log: Log, event: LogEvent, welcome: WaitingWelcome | None = None) -> None:
        """Join by the Welcome of an event."""
        use = welcome or log.welcomes[self.id, event.seq]
        self.run(self._join, log.kind, use, event)

    def _join(
        self, connection: apsw.Connection, kind: RoomKind, use: WaitingWelcome, event: LogEvent
    ) -> None:
        opened = join.open_welcome(self.own, kind, key_packages.load(connection), use, event)
        received, _ = join.enter(connection, self.groups, opened, event, event.at)
        self._show(connection, received)

    def receive(
        self, events: Sequence[LogEvent], room: RoomId = ROOM, now: int | None = None, **more: Any
    ) -> Receipt:
        """Take events in and show them, in one transaction; ``now``: by a clock that differs."""
        here = Millis(max([START, *(event.at for event in events)]) if now is None else now)
        receipt = self.loosely(self._receive, room, events, here, **more)
        self.receipts.append(receipt)
        return receipt

    def _receive(
        self,
        connection: apsw.Connection,
        /,
        room: RoomId,
        events: Sequence[LogEvent],
        here: Millis,
        **more: Any,
    ) -> Receipt:
        receipt = receive.process(connection, self.groups, room, events, here, **more)
        for item in receipt.items:
            self._show(connection, item)
        return receipt

    def _show(self, connection: apsw.Connection, item: Received) -> None:
        body = item.event.body
        what = str(getattr(body, "text", "")) or item.trouble or (item.note.kind.value if item.note else "")
        values = (item.event.room, item.event.seq, what)
        connection.execute("INSERT INTO shown VALUES (?, ?, ?)", values)

    # --- what can be seen

    def cursor(self, log: Log) -> Seq:
        """Return how far it is."""
        return store.cursor(self.connection, log.room)

    def status(self, log: Log) -> Any:
        """Return the state of the room here."""
        return report.report(self.connection, self.groups, log.room)

    def texts(self, log: Log) -> list[str]:
        """Return what was shown, in order."""
        query = "SELECT what FROM shown WHERE room = ? ORDER BY seq"
        return [str(what) for (what,) in self.connection.execute(query, (log.room,))]

    def state(self, log: Log) -> tuple[object, ...]:
        """Return the stored group as it is, byte for byte."""
        query = "SELECT state, ended, epoch FROM mls_groups WHERE room = ? AND state IS NOT NULL"
        return tuple(self.connection.execute(query, (log.room,)))


def room_of(*devices: Device, kind: RoomKind = RoomKind.PRIVATE, suite: RoomSuite = RoomSuite.X25519) -> Log:
    """Make a room with a group of these devices, all caught up; the first is its owner."""
    log = Log(kind=kind)
    founder = devices[0]
    for device in devices:
        device.suite = suite_of(suite)
        device.run(store.pin, log.room, suite)
    log.add(founder.user, Created(room_kind=kind, encrypted=True))
    founder.create_group(log)
    if len(devices) > 1:
        founder.commit(log, 2, devices[1:])
    for device in devices:
        device.sync(log)
    return log


def agree(log: Log, *devices: Device) -> None:
    """Require that these devices are in the same epoch of the same group."""
    found = {(d.status(log).group, d.status(log).epoch, d.status(log).authenticator) for d in devices}
    assert len(found) == 1, found
    assert found.pop()[2]


__all__ = ["PHONE", "ROOM", "START", "Log", "StaleError", "sealed_body", "waiting"]
