"""The audit event of a report."""

from enum import StrEnum


class ReportEvent(StrEnum):
    """What happens to reports while a server runs."""

    MESSAGE_REPORTED = "message_reported"
