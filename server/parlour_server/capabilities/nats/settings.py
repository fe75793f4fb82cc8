"""The section `bus` of the settings."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from msgspec import Meta

from parlour_server.core.config.server_settings import Section, refuse_url, without_secrets


class BusSettings(Section, frozen=True):
    """The event bus of several servers on one database; they are correct without it, but slower to notice."""

    url: Annotated[
        str,
        Meta(
            description="`tls://host`, or `nats://host` on this machine; several with commas; "
            "empty: one server, no bus",
            extra={"shown": partial(without_secrets, has_token=True)},
        ),
    ] = ""
    credentials_file: Annotated[
        str,
        Meta(
            description="a file with one line, `user:password` or a token, or a `.creds` file of NATS; "
            "in the data folder or with its whole path"
        ),
    ] = ""
    ca_file: Annotated[
        str,
        Meta(
            description="a file with certificates of the CAs to trust, in the data folder or with its whole "
            "path; empty: those of the system"
        ),
    ] = ""

    def checks(self) -> Mapping[str, Callable[[], object]]:
        """Refuse another kind of URL."""
        return {"url": partial(refuse_url, self.url, "nats", "tls")}
