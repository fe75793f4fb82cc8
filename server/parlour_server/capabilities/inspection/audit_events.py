"""The audit events of inspectors. Anyone can cause both as often as they like."""

from enum import StrEnum


class InspectionEvent(StrEnum):
    """What the audit log says of them."""

    INSPECTED = "inspected"
    INSPECTOR_FAILED = "inspector_failed"
