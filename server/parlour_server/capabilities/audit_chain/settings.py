"""The section `audit` of the settings."""

from typing import Annotated

from msgspec import Meta

from parlour_server.core.config.server_settings import Section, setting


class AuditSettings(Section, frozen=True):
    """The chain of audit records in the data folder's `audit` folder, at any `log.level`, and its heads."""

    file_bytes: Annotated[
        int, setting("bytes", "a file is continued in the next one at this size", ge=65_536)
    ] = 16_777_216
    files: Annotated[
        int,
        setting("files", "above it the oldest is removed, and a record says so", ge=2),
    ] = 16
    head_seconds: Annotated[
        int, setting("seconds", "new records are covered by a signed head after so long (M30)")
    ] = 10
    head_command: Annotated[
        str,
        Meta(
            description="a program that gets each published head on standard input, to keep it where the "
            "server's operator can't change it; with arguments, but without a shell; empty: none"
        ),
    ] = ""
    head_command_minutes: Annotated[
        int, setting("minutes", "between two runs of `head_command`, and at each start")
    ] = 60
