"""The setting: who must have a second factor."""

from typing import Annotated, Literal

from msgspec import Meta

from parlour_server.core.config.server_settings import Keys


class FactorSettings(Keys, frozen=True):
    """A key of the section `logins`."""

    second_factor: Annotated[
        Literal["required", "optional", "off"],
        Meta(
            description="required: everyone must set one up before anything else; optional: who has one is "
            "asked for it; off: no one can set one up, but who has one is still asked (P20)"
        ),
    ] = "optional"
