"""How long messages are kept."""

from typing import Annotated

from parlour_protocol.limits import RETENTION_DAYS
from parlour_server.core.config.server_settings import Keys, setting


class KeepSettings(Keys, frozen=True):
    """Keys of the section `messages`."""

    keep_days: Annotated[
        int,
        setting(
            "days",
            "older messages and their files are removed from every room, and a room's owner can only choose "
            "less; 0 keeps them for ever. A shorter time applies after `messages.notice_days`",
            ge=0,
            le=RETENTION_DAYS.value,
        ),
    ] = 0
    notice_days: Annotated[
        int,
        setting("days", "members are told so long before a shorter time applies", ge=1, le=90),
    ] = 3
