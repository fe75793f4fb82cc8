"""An audit of the whole key log: every entry is read from the server again, and judged by itself.

Nothing is taken from this device's copy: it is only what the entries are compared with. An honest server
appends what it has verified, in the order in which it took effect. What someone put into its database by hand
is another account's key, or a statement by a key that was not in force, or was not there when it should have
been.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import apsw

from parlour_client.core.archive import Archive, key_log_copy, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity.key_log import LogEntry, read_entries, server_of
from parlour_client.core.e2ee.identity.keys import verify
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import _
from parlour_protocol.delivery import KeyLogPage
from parlour_protocol.identity import (
    AccountEntry,
    Certificate,
    Head,
    Revocation,
    StatementError,
)
from parlour_protocol.identity.key_log import decode_entry
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import Tree
from parlour_protocol.kit.names import UserName

_BACK: Final = 60_000
"""Milliseconds that a server's clock may be set back without a word."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that an honest server's log does not have, or that people should know of."""

    words: str
    number: int = 0
    """The entry; 0: it is about the log as a whole."""
    at: Millis | None = None


@dataclass
class KeyLogAudit:
    """What was read so far."""

    server: str
    tree: Tree = field(default_factory=Tree)
    findings: list[Finding] = field(default_factory=list)
    accounts: dict[UserName, bytes] = field(default_factory=dict)
    counts: Counter[type] = field(default_factory=Counter)
    _newest: int = 0

    def read(self, entries: Sequence[bytes], ours: Sequence[bytes]) -> None:
        """Judge the next entries; ``ours`` are those that this device was shown in their places."""
        for place, entry in enumerate(read_entries(self.server, self.tree, entries)):
            self.tree = entry.tree
            at = _time_of(entry.data)
            found = [*self._judged(entry), *self._out_of_order(at)]
            if place < len(ours) and ours[place] != entry.data:
                found.append(_("This device was shown another entry here."))
            self.findings += [Finding(words, entry.tree.size, at) for words in found]

    def _judged(self, entry: LogEntry) -> Iterable[str]:
        match entry.content:
            case AccountEntry(user=user, account_key=key):
                if self.accounts.setdefault(user, key) != key:
                    self.accounts[user] = key
                    yield _("{user}'s account key was replaced by another one.").format(user=user)
            case Certificate() as made if self.accounts.get(made.user) != made.account_key:
                yield _("A device of {user} was added by a key that is not {user}'s.").format(user=made.user)
            case Revocation() as made if self.accounts.get(made.user) != made.account_key:
                yield _("A device of {user} was revoked by a key that is not {user}'s.").format(
                    user=made.user
                )
            case None if entry.policy is None:
                yield _("It has no valid signature: no device takes anything from it.")
            case _:
                pass
        self.counts[type(entry.content)] += 1

    def _out_of_order(self, at: Millis | None) -> Iterable[str]:
        if at is None:
            return
        if at < self._newest - _BACK:
            yield _("It is dated before entries in front of it.")
        self._newest = max(self._newest, at)


async def audit(archive: Archive, directory: DeliveryClient) -> KeyLogAudit:
    """Read the whole log of the server. Raises ServerMisbehavedError if it does not show all of it."""
    page = await directory.key_log(0)
    found, signed = KeyLogAudit(page.server), Head(page.size, bytes(page.head))
    ours = await archive.read(key_log_copy.tree)
    found.findings += await archive.read(_signed, page)
    if page.size < ours.size:
        words = _("The server took entries out of its key log: this device was shown {size}.")
        found.findings.append(Finding(words.format(size=ours.size)))
    while found.tree.size < page.size:
        entries = page.entries if not found.tree.size else (await directory.key_log(found.tree.size)).entries
        if not entries:
            raise ServerMisbehavedError(_("The server holds back entries of its key log."))
        entries = entries[: page.size - found.tree.size]
        shown = await archive.read(key_log_copy.entries, found.tree.size, len(entries))
        await asyncio.to_thread(found.read, entries, shown)
    if Head.of(found.tree) != signed:
        found.findings.append(Finding(_("The entries are not the ones that the server signed.")))
    return found


def _signed(connection: apsw.Connection, page: KeyLogPage) -> list[Finding]:
    """Judge the signature: of this server, by the key that this device knows."""
    head, known = Head(page.size, bytes(page.head)), own_keys.get(connection, Name.LOG_KEY)
    found = []
    if not verify(page.key, head.to_be_signed(page.server), page.signature):
        found.append(Finding(_("The signature of the server's key log does not hold.")))
    if known is not None and known != bytes(page.key):
        found.append(Finding(_("The server signs its key log with another key than before.")))
    if page.server != server_of(connection):
        found.append(Finding(_("The server has another name than before.")))
    return found


def _time_of(data: bytes) -> Millis | None:
    try:
        return Millis(decode_entry(data).at)
    except StatementError:
        return None
