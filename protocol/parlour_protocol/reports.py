"""Why someone reports a message to the server's operator."""

from enum import StrEnum


class ReportReason(StrEnum):
    """The kinds of abuse that a report can be about."""

    SPAM = "spam"
    HARASSMENT = "harassment"
    THREAT = "threat"
    ILLEGAL = "illegal"
    IMPERSONATION = "impersonation"
    OTHER = "other"
