"""The section `webhooks` of the settings."""

from typing import Annotated

from parlour_server.core.config.server_settings import Section, setting


class WebhookSettings(Section, frozen=True):
    """Programs elsewhere that write into unencrypted rooms."""

    posts_per_minute: Annotated[
        int,
        setting(
            "posts per minute",
            "by one webhook, and as many at once, so that none fills a room; each address is limited by "
            "`rates.http_per_minute`, too",
            reloads=True,
            of_account=True,
        ),
    ] = 30
