"""How many reports one account may send."""

from typing import Annotated

from parlour_server.core.config.server_settings import Keys, setting


class ReportRates(Keys, frozen=True):
    """A key of the section `rates`."""

    reports_per_hour: Annotated[
        int, setting("reports per hour", "of messages, to the operator, by one account")
    ] = 20
