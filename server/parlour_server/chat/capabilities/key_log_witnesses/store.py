"""The newest cosignature of each witness."""

from collections.abc import Sequence

from parlour_protocol.delivery import CosignedHead
from parlour_protocol.frames.opaque import Digest
from parlour_server.core.kit_store import KitStore
from parlour_server.core.store.engine.connection import WriteConnection


class Cosignatures:
    """The table of them."""

    def __init__(self, store: KitStore) -> None:
        self._writer = store.writer
        self._readers = store.readers

    async def keep(self, witness: str, at: int, head: CosignedHead, witnesses: Sequence[str]) -> None:
        """Keep a witness's cosignature, unless a later one is here; forget others than ``witnesses``."""

        def write(db: WriteConnection) -> None:
            marks = ", ".join("?" for _ in witnesses)
            db.execute(f"DELETE FROM cosigned_heads WHERE witness NOT IN ({marks})", tuple(witnesses))  # noqa: S608 - marks only
            db.execute("DELETE FROM cosigned_heads WHERE witness = ? AND at <= ?", (witness, at))
            db.execute(
                "INSERT INTO cosigned_heads (witness, at, size, head, line) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (witness, at, head.size, bytes(head.head), head.line),
            )

        await self._writer.submit(write)

    async def of(self, witnesses: Sequence[str]) -> Sequence[CosignedHead]:
        """Return those of these witnesses."""
        marks = ", ".join("?" for _ in witnesses)
        query = f"SELECT size, head, line FROM cosigned_heads WHERE witness IN ({marks}) ORDER BY witness"  # noqa: S608 - marks only
        return await self._readers.rows(_head, query, *witnesses) if witnesses else ()


def _head(size: int, head: bytes, line: str) -> CosignedHead:
    return CosignedHead(size, Digest(head), line)
