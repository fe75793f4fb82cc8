"""The disk of the data folder: a warning before it is full, what takes space on it, and giving space back."""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.disk_space.commands import disk


def _served() -> Served:
    from parlour_server.capabilities.disk_space.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.disk_space.settings import DiskSettings  # noqa: PLC0415 - not for `--help`

    return {"disk": DiskSettings}


CAPABILITY: Final = Capability(name="disk_space", served=_served, settings=_settings, commands=(disk,))
