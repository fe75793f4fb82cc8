"""Abuse reports: a member sends a message to the operator's queue, and the log and a metric say that it came.

The line in the log has no text of the message. Moderators of the room are not told: they may be its author.
"""

from enum import StrEnum

from parlour_protocol.frames.requests import Report
from parlour_server.app.short_ids import new_short_id
from parlour_server.chat.capabilities.message_reports.queue import Reports
from parlour_server.chat.capabilities.message_reports.records import NewReport
from parlour_server.chat.service.peer_state import ChatPeer, by_session
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock


class ReportEvent(StrEnum):
    """The audit events of reports while a server runs."""

    MESSAGE_REPORTED = "message_reported"


class AbuseReports:
    """Takes reports."""

    def __init__(self, reports: Reports, clock: Clock, audit: Audit) -> None:
        self._reports = reports
        self._clock = clock
        self._audit = audit

    async def submit(self, peer: ChatPeer, frame: Report) -> None:
        """Store a report. Raises RefusedError."""
        stored = await self._reports.add(
            by_session(peer),
            NewReport(
                id=new_short_id(),
                at=self._clock.now(),
                reporter=peer.user,
                room=frame.room,
                seq=frame.target,
                reason=frame.reason,
                quote=frame.quote,
                note=frame.note,
            ),
        )
        self._audit.record(
            ReportEvent.MESSAGE_REPORTED,
            report=stored.id,
            reason=stored.reason,
            user=stored.reporter,
            subject=stored.author,
            room=stored.room,
            seq=stored.seq,
            encrypted=stored.encrypted,
        )
