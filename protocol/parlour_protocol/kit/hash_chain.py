"""Append-only logs as hash chains: the head after n entries commits to each of them, in their order.

Each log has a type of head of its own, with a name that is hashed and signed as well, so that the head of one
log never passes for that of another.
"""

import hashlib
from dataclasses import dataclass
from typing import ClassVar, Self


@dataclass(frozen=True, slots=True)
class ChainHead:
    """A log after ``size`` entries; ``digest`` (32 bytes) commits to each of them, in order."""

    size: int
    digest: bytes

    LOG: ClassVar[str]
    """The kind of log."""

    @classmethod
    def empty(cls, name: str) -> Self:
        """Return the head of the log of this name without entries."""
        return cls(0, hashlib.sha256(f"parlour {cls.LOG} v1\0{name}".encode()).digest())

    def after(self, entry: bytes) -> Self:
        """Return the head with one more entry."""
        return type(self)(self.size + 1, hashlib.sha256(b"\1" + self.digest + entry).digest())

    def to_be_signed(self, name: str) -> bytes:
        """Return the bytes that the log's key signs."""
        return f"parlour {self.LOG} head v1\0{name}\0".encode() + self.size.to_bytes(8, "big") + self.digest
