"""The chat's own kinds of audit events, beside those of every server (``core/audit.py``)."""

from enum import StrEnum
from typing import Final


class ChatAuditEvent(StrEnum):
    """What happens to rooms, devices and groups."""

    MODERATION = "moderation"
    ACCOUNT_KEY_SET = "account_key_set"
    DEVICE_REGISTERED = "device_registered"
    DEVICE_CERTIFIED = "device_certified"
    DEVICE_REVOKED = "device_revoked"
    STATEMENT_REFUSED = "statement_refused"
    KEY_PACKAGES_CLAIMED = "key_packages_claimed"
    GROUP_FOUNDED = "group_founded"
    GROUP_COMMITTED = "group_committed"
    GROUP_CONTESTED = "group_contested"
    POLICY_PUBLISHED = "policy_published"


CHAT_REPEATABLE: Final = frozenset({ChatAuditEvent.STATEMENT_REFUSED})
"""Refusals, which anyone can cause as often as they like."""
