"""A device that dies at a chosen step, and the program that it runs again from the start afterwards.

A step is a statement that writes, a commit of a transaction, or the moment before and after the server took
something in. What has left the device is kept with its ratchet generation, so that a key used twice is found.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import apsw
from tests.client.core.e2ee.group_world import Device, Log, StaleError, clocks, request, text

from parlour_client.core.e2ee.errors import ArrivedError
from parlour_client.core.e2ee.group import commit, seal
from parlour_client.core.e2ee.group.commit import CommitRequest
from parlour_mls import Group
from parlour_mls.epoch.message_protection import decrypt_sender_data
from parlour_mls.messages import PrivateMessage, read_message
from parlour_protocol.frames.requests import SendEncrypted
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId

_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT")


class CrashError(BaseException):
    """The program was killed."""


class Crasher:
    """Counts steps and kills at one of them, or at every so many."""

    def __init__(self, at: int = 0, every: int = 0) -> None:
        self.at, self.every = at, every
        self.steps = 0
        self.crashes = 0

    def tick(self) -> None:
        """Take a step."""
        self.steps += 1
        if self.steps == self.at or (self.every and self.steps % self.every == 0):
            self.crashes += 1
            raise CrashError

    def trace(self, _cursor: apsw.Cursor, sql: str, _values: object) -> bool:
        """Count what is about to be written."""
        if sql.strip().startswith(_WRITES):
            self.tick()
        return True


class Mortal(Device):
    """A device whose program may be killed."""

    def __init__(self, user: str, crasher: Crasher, number: int) -> None:
        # In memory, by name: it lives as long as this connection, which plays the disk.
        uri = f"file:/crash-{user}-{number}?vfs=memdb"
        self.crasher = crasher
        self.disk = apsw.Connection(
            uri, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
        )
        super().__init__(user, path=uri)

    def begin(self) -> None:
        super().begin()
        self.connection.exec_trace = self.crasher.trace

    def after_transaction(self) -> None:
        self.crasher.tick()


class Sent:
    """All that has left one device, by the key that it was encrypted with."""

    def __init__(self) -> None:
        self.by_key: dict[tuple[str, int, int, int, str], bytes] = {}

    def leaves(self, device: Device, group_id: str, data: bytes) -> None:
        """Note what is about to leave. Raises AssertionError for a key that was used for something else."""
        message = read_message(data)
        assert isinstance(message, PrivateMessage)
        for (blob,) in device.connection.execute(
            "SELECT state FROM mls_groups WHERE group_id = ?", (group_id,)
        ):
            state = Group.restore(blob).state
            assert state.epoch.context.epoch == message.epoch
            sender = decrypt_sender_data(message, state.epoch.secrets.sender_data, lambda _leaf: True)
            key = (group_id, message.epoch, sender.leaf, sender.generation, message.content_type.name)
            assert self.by_key.setdefault(key, data) == data, f"key {key} was used twice"


class Program:
    """What one device does, begun again after each crash: every goal looks first how far it is."""

    def __init__(self, device: Device, log: Log, crasher: Crasher) -> None:
        self.device, self.log, self.crasher = device, log, crasher
        self.sent = Sent()
        self.acknowledged: set[int] = set()
        self.everybody: dict[DeviceId, Device] = {}
        self.numbers = itertools.count(1_000)

    def run(self, goals: Sequence[Callable[["Program"], None]]) -> None:
        """Reach all goals, whatever dies on the way; others act once each."""
        done = 0
        while done < len(goals):
            try:
                goals[done](self)
                done += 1
            except CrashError:
                assert self.crasher.crashes < 100, "it never gets past a step"
                self.device.reopen()
        self.crasher.at = self.crasher.every = 0  # who looks at the end must not die of it

    def served(self, call: Callable[[], object]) -> None:
        """Ask the server: the program may die before it was asked, or before it hears the answer."""
        self.crasher.tick()
        call()
        self.crasher.tick()

    def sync(self) -> None:
        """Catch up."""
        self.device.sync(self.log)

    def create_group(self) -> None:
        """Have the room created."""
        self.sync()
        device, log = self.device, self.log
        if log.group is None:
            asked = device.make_group(log.room, log.kind, self.number(), Millis(log.now))
            self.served(lambda: log.create_group(device, asked))
        self.sync()

    def settle(self, *members: Device) -> None:
        """Have exactly these devices in the group, beside this one."""
        device, log = self.device, self.log
        self.everybody |= {member.id: member for member in members}
        while True:
            self.sync()
            staged = commit.staged(device.connection, log.room)
            if staged is None:
                here = {member.device for member in device.status(log).members}
                missing = {m.id: m.package() for m in members if m.id not in here}
                leaving = here - {m.id for m in members} - {device.id}
                if not missing and not leaving:
                    return
                new = [member for member in members if member.id in missing]
                old = [one for one in self.everybody.values() if one.id in leaving]
                evidence = device.evidence(log, new, old)
                wanted = CommitRequest(self.number(), missing, leaving, *clocks(log), *evidence)
                device.make_commit(log.room, wanted)
                continue
            body = staged
            self.sent.leaves(device, body.group, body.data)
            try:
                self.served(partial(log.commit, device, body))
            except StaleError:
                assert log.epoch > body.epoch

    def say(self, number: int, words: str) -> None:
        """Have something said, once."""
        device, log = self.device, self.log
        while True:
            self.sync()
            try:
                frame = device.run(
                    seal.encrypt, device.groups, request(number), log.room, text(words), Millis(log.now)
                )
            except ArrivedError:
                break
            self.sent.leaves(device, frame.group, frame.data)
            try:
                self._post(frame)
            except StaleError:
                continue
            break
        self.acknowledged.add(number)
        self.sync()

    def _post(self, frame: SendEncrypted) -> None:
        self.served(lambda: self.log.send(self.device, frame))

    def number(self) -> RequestId:
        """Return a request id that was never used."""
        return request(next(self.numbers))
