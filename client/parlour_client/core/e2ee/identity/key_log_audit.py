"""An audit of the whole key log: every entry is read from the server again, and judged by itself.

Nothing is taken from this device's copy: it is only what the entries are compared with.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import apsw

from parlour_client.core.archive import Archive, key_log_copy, own_keys
from parlour_client.core.archive.own_keys import Name
from parlour_client.core.e2ee.identity.key_log import server_of
from parlour_client.core.e2ee.identity.keys import verify
from parlour_client.core.transport.delivery_client import DeliveryClient
from parlour_client.kit.errors import ServerMisbehavedError
from parlour_client.kit.language import N_, _
from parlour_protocol.delivery import KeyLogPage
from parlour_protocol.identity import Head
from parlour_protocol.identity.key_log_check import Fault, KeyLogCheck
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.merkle import Tree

_WORDS: Final[Mapping[Fault, str]] = {
    Fault.KEY_REPLACED: N_("{user}'s account key was replaced by another one."),
    Fault.FOREIGN_DEVICE: N_("A device of {user} was added by a key that is not {user}'s."),
    Fault.FOREIGN_REVOCATION: N_("A device of {user} was revoked by a key that is not {user}'s."),
    Fault.UNSIGNED: N_("It has no valid signature: no device takes anything from it."),
    Fault.OUT_OF_ORDER: N_("It is dated before entries in front of it."),
}


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

    check: KeyLogCheck
    findings: list[Finding] = field(default_factory=list)

    @property
    def tree(self) -> Tree:
        """The tree of the entries that were read."""
        return self.check.tree

    def read(self, entries: Sequence[bytes], ours: Sequence[bytes]) -> None:
        """Judge the next entries; ``ours`` are those that this device was shown in their places."""
        for place, entry in enumerate(entries):
            for found in self.check.read(entry):
                words = _(_WORDS[found.fault]).format(user=found.user)
                self.findings.append(Finding(words, found.number, found.at))
            if place < len(ours) and ours[place] != entry:
                words = _("This device was shown another entry here.")
                self.findings.append(Finding(words, self.tree.size, self.check.at))


async def audit(archive: Archive, directory: DeliveryClient) -> KeyLogAudit:
    """Read the whole log of the server. Raises ServerMisbehavedError if it does not show all of it."""
    page = await directory.key_log(0)
    found, signed = KeyLogAudit(KeyLogCheck(page.server, verify)), Head(page.size, bytes(page.head))
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
