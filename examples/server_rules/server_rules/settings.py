"""The section `rules` of the settings."""

from typing import Annotated

from parlour_server.core.config.server_settings import Section, setting


class RulesSettings(Section, frozen=True):
    """The rules of the server."""

    review_days: Annotated[
        int, setting("days", "`doctor` asks to read the rules again when they are older", le=3650)
    ] = 365
