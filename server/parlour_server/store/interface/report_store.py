"""The interface for abuse reports, which only the operator reads."""

from collections.abc import Sequence
from typing import Protocol

from parlour_protocol.kit.ids import Millis
from parlour_server.kit.store.accounts.authority import BySession
from parlour_server.store.types import NewReport, ReportRecord


class Reports(Protocol):
    """The queue of reports."""

    async def add(self, by: BySession, report: NewReport) -> ReportRecord:
        """Store a report, with what the log has of the message.

        Raises RefusedError: NOT_FOUND for a room that the reporter is not in, or no message; FORBIDDEN for
        their own; ALREADY for a second report of it; LIMIT_REACHED for too many open ones.
        """
        ...

    async def list(self, *, closed: bool) -> Sequence[ReportRecord]:
        """Return the open reports, oldest first; with ``closed`` the closed ones, too."""
        ...

    async def find(self, report: str) -> ReportRecord | None:
        """Return a report, open or closed."""
        ...

    async def close(self, report: str, now: Millis, resolution: str) -> bool:
        """Close an open report; False if it was closed before, or there is none."""
        ...
