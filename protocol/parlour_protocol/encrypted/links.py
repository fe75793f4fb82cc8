"""Links each encrypted message to those before it, so that clients notice when a server drops or moves one.

A link holds the message's number among those of its device in the room, and what that device had processed of
the room by then: how many encrypted events, and two digests over them. It is read strictly: any other form is
refused. The client's ``core/e2ee/group/order`` evaluates links.
"""

import hashlib
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from parlour_protocol.kit.id_fields import Count

DIGEST_BYTES: Final = 16
"""Of an event's SHA-256, and of the running digest."""
TIP_BYTES: Final = 8
"""A prefix of the newest event's digest; the running digest proves it."""
NOTHING: Final = bytes(DIGEST_BYTES)
"""The running digest before the first event."""
NO_TIP: Final = bytes(TIP_BYTES)
"""There is no newest event, or it was deleted before the device could read it."""
MAX_RANGES: Final = 8

Ranges = tuple[Annotated[int, Meta(ge=1, le=2**53 - 1)], ...]
"""First and last numbers, in turn, ascending."""


class Link(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Read as a part of the envelope."""

    number: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    """Of this message among those that its device encrypted for the room, over all epochs and groups."""
    top: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    """The device's highest number by then; another program of the device may be ahead."""
    seen: Count
    """Encrypted events of the room that the device had processed, deleted ones included."""
    epoch: tuple[Count, Count]
    """Of ``seen``, and of the numbers up to this one: how many since its own epoch began."""
    base: Count
    """The value of ``seen`` from which ``running`` counts: it starts again after a blanked event."""
    marks: Annotated[bytes, Meta(min_length=TIP_BYTES + DIGEST_BYTES, max_length=TIP_BYTES + DIGEST_BYTES)]
    less: Annotated[Ranges, Meta(max_length=2 * MAX_RANGES)] = ()
    """Numbers below this one that are not known to be stored before it."""
    void: Annotated[Ranges, Meta(max_length=2 * MAX_RANGES)] = ()
    """Abandoned numbers, for which no message will come."""

    @property
    def tip(self) -> bytes:
        """The beginning of the digest of the newest event that was processed."""
        return self.marks[:TIP_BYTES]

    @property
    def running(self) -> bytes:
        """The digest over all events since ``base``, in order."""
        return self.marks[TIP_BYTES:]

    def fields(self) -> list[object]:
        """Return the fields as they are encoded: empty ones at the end are left out."""
        whole = [self.number, self.top, self.seen, self.epoch, self.base, self.marks, self.less, self.void]
        return whole if self.void else whole[:7] if self.less else whole[:6]

    def check(self) -> None:
        """Check the rules that types cannot express. Raises ValueError."""
        if not (_ascend(self.less) and _ascend(self.void)):
            raise ValueError("a link's ranges do not ascend")
        since_seen, since_number = self.epoch
        if max(self.base, since_seen) > self.seen or not since_number <= self.number <= self.top:
            raise ValueError("a link's numbers contradict each other")


def message_digest(data: bytes) -> bytes:
    """Return the digest of an event's ciphertext."""
    return hashlib.sha256(data).digest()[:DIGEST_BYTES]


def folded(running: bytes, digests: Iterable[bytes]) -> bytes:
    """Return the running digest after these events."""
    for digest in digests:
        running = hashlib.sha256(running + digest).digest()[:DIGEST_BYTES]
    return running


def _ascend(ranges: Ranges) -> bool:
    """Return whether these are ascending, separate ranges."""
    steps = [after - here for here, after in pairwise(ranges)]
    return len(ranges) % 2 == 0 and all(step >= 2 * (at % 2) for at, step in enumerate(steps))
