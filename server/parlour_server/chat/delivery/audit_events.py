"""The audit events of the delivery service."""

from enum import StrEnum
from typing import Final


class DeliveryEvent(StrEnum):
    """Events of devices, their keys, and groups."""

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


REPEATABLE: Final = frozenset({DeliveryEvent.STATEMENT_REFUSED})
"""Refusals, which anyone can cause as often as they like."""
