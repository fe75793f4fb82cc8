"""In which rooms presence is announced."""

from typing import Annotated

from parlour_server.core.config.server_settings import Keys, setting


class PresenceDelivery(Keys, frozen=True):
    """A key of the section `delivery`."""

    presence_members: Annotated[
        int,
        setting("members", "in larger rooms clients ask for presence: announcing it grows with the square"),
    ] = 50
