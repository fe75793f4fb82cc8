"""Judges the entries of a key log, one after the other: what an auditor and a witness read.

An honest server appends what it has verified, in the order in which it took effect. What someone put into its
database by hand is another account's key, or a statement by a key that was not in force.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from parlour_protocol.identity.certificates import Certificate, Revocation, Verify
from parlour_protocol.identity.errors import StatementError
from parlour_protocol.identity.key_log import (
    AccountEntry,
    DeviceEntry,
    Entry,
    PolicyEntry,
    RevocationEntry,
    decode_entry,
)
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import UserName

_BACK: Final = 60_000
"""Milliseconds that a server's clock may be set back without a word."""


class Fault(Enum):
    """What an honest server does not append, or what people should know of."""

    KEY_REPLACED = "the account key of {user} was replaced by another one"
    FOREIGN_DEVICE = "a device of {user} was added by a key that is not {user}'s"
    FOREIGN_REVOCATION = "a device of {user} was revoked by a key that is not {user}'s"
    UNSIGNED = "it has no valid signature: no device takes anything from it"
    OUT_OF_ORDER = "it is dated before entries in front of it"


@dataclass(frozen=True, slots=True)
class Found:
    """A fault of an entry, and whose key or device it is about."""

    fault: Fault
    number: int
    at: Millis | None
    user: str = ""

    @property
    def words(self) -> str:
        """The fault in English."""
        return self.fault.value.format(user=self.user)


@dataclass
class KeyLogCheck:
    """What was read so far of the log of ``server``; it can go on from an earlier reading."""

    server: str
    verify: Verify
    tree: Tree = field(default_factory=Tree)
    accounts: dict[UserName, bytes] = field(default_factory=dict)
    """The current key of each account."""
    newest: int = 0
    """The latest time in an entry."""
    at: Millis | None = None
    """The time in the entry that was read last."""
    valid: Counter[type[Entry]] = field(default_factory=Counter)
    """How many entries of each kind have a valid signature, where they need one."""

    def read(self, data: bytes) -> tuple[Found, ...]:
        """Read the next entry; returns what is wrong with it."""
        self.tree, self.at = self.tree.after(data), None
        try:
            entry = decode_entry(data)
        except StatementError:
            return (Found(Fault.UNSIGNED, self.tree.size, None),)
        self.at = Millis(entry.at)
        return tuple(Found(fault, self.tree.size, self.at, user) for fault, user in self._faults(entry))

    def _faults(self, entry: Entry) -> Iterator[tuple[Fault, str]]:
        try:
            yield from self._judged(entry)
        except (StatementError, PolicyError):
            yield Fault.UNSIGNED, ""
        if entry.at < self.newest - _BACK:
            yield Fault.OUT_OF_ORDER, ""
        self.newest = max(self.newest, entry.at)

    def _judged(self, entry: Entry) -> Iterator[tuple[Fault, str]]:
        match entry:
            case AccountEntry(user=user, account_key=key):
                if self.accounts.setdefault(user, key) != key:
                    self.accounts[user] = key
                    yield Fault.KEY_REPLACED, user
            case DeviceEntry(certificate=statement):
                yield from self._signed(Certificate.read(statement, self.verify), Fault.FOREIGN_DEVICE)
            case RevocationEntry(revocation=statement):
                yield from self._signed(Revocation.read(statement, self.verify), Fault.FOREIGN_REVOCATION)
            case PolicyEntry(policy=policy):
                InspectionPolicy.read(policy)
        self.valid[type(entry)] += 1

    def _signed(self, made: Certificate | Revocation, fault: Fault) -> Iterator[tuple[Fault, str]]:
        if made.server != self.server:
            raise StatementError("a statement for another server is worth nothing here")
        if self.accounts.get(made.user) != made.account_key:
            yield fault, made.user
