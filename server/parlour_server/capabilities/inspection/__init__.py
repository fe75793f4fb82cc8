"""Inspection of what people send: shipped inspectors, and others, in a process of their own."""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served


def _served() -> Served:
    from parlour_server.capabilities.inspection.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.inspection.settings import InspectionSettings  # noqa: PLC0415 - not for `--help`

    return {"inspection": InspectionSettings}


CAPABILITY: Final = Capability(name="inspection", served=_served, settings=_settings)
