"""The chat's own audit event, beside those of every server (``core/audit.py``) and of delivery."""

from enum import StrEnum


class ChatAuditEvent(StrEnum):
    """Events of rooms."""

    MODERATION = "moderation"
