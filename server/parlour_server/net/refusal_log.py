"""What strangers can cause to be written, bounded (R6: log flooding before login).

Each refusal is one audit line, at most so many a second; those beyond are counted, and the next line that
is written says how many were left out. Everything that happens before a ticket is redeemed is recorded
through here, never directly.
"""

from typing import Final

from parlour_server.audit import Audit, AuditEvent
from parlour_server.clock import Clock
from parlour_server.limits import TokenBucket

LINES_PER_SECOND: Final = 5
BURST: Final = 50


class RefusalLog:
    """A token bucket in front of the audit log."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        """Begin with a full bucket."""
        self._audit = audit
        self._clock = clock
        self._bucket = TokenBucket(LINES_PER_SECOND, per=1.0, burst=BURST, now=clock.monotonic())
        self._left_out = 0

    def refused(self, reason: str, address: str) -> None:
        """Note a socket or request that was turned away; ``reason`` is one of our own short words."""
        self._note(AuditEvent.HANDSHAKE_REFUSED, reason=reason, address=address)

    def limit_hit(self, limit: str, address: str) -> None:
        """Note that a cap turned somebody away."""
        self._note(AuditEvent.LIMIT_HIT, limit=limit, address=address)

    def _note(self, event: AuditEvent, **fields: str) -> None:
        if self._bucket.take(self._clock.monotonic()):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        self._audit.record(event, **fields, left_out=left_out or None)
