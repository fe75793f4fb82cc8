"""Reads the key log for clients: pages of entries, and the head that this server signs.

The store appends to it in the transactions that change keys; nothing here can change or omit an entry. The
signature is evidence of the heads that a server showed.
"""

from dataclasses import dataclass

from parlour_protocol.delivery import KeyLogPage
from parlour_protocol.frames.opaque import Digest, PublicKey, Signature
from parlour_protocol.limits import KEY_LOG_PAGE
from parlour_server.chat.delivery.tables.key_log import KeyLogStore
from parlour_server.core.signatures import SigningKey


@dataclass(frozen=True, slots=True)
class KeyLog:
    """The key log of the server that is called ``server``."""

    store: KeyLogStore
    key: SigningKey
    server: str

    async def page(self, after: int) -> KeyLogPage:
        """Return the entries after number ``after``, and the signed head of the whole log."""
        entries, head = await self.store.page(after=after, limit=KEY_LOG_PAGE.value)
        return KeyLogPage(
            server=self.server,
            entries=tuple(entries),
            size=head.size,
            head=Digest(head.root),
            signature=Signature(self.key.sign(head.to_be_signed(self.server))),
            key=PublicKey(self.key.public),
        )
