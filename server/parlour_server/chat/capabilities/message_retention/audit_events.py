"""The audit event of messages that expire."""

from enum import StrEnum


class ExpiryEvent(StrEnum):
    """What a running server removes."""

    MESSAGES_EXPIRED = "messages_expired"
