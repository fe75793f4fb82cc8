"""The section `disk` of the settings."""

from typing import Annotated

from parlour_server.core.config.server_settings import Section, setting


class DiskSettings(Section, frozen=True):
    """The disk of the data folder."""

    warn_percent: Annotated[
        int,
        setting(
            "percent",
            "free on the disk: with less, `doctor`, the log and a metric warn, before nothing can be sent",
            ge=1,
            le=90,
        ),
    ] = 10
