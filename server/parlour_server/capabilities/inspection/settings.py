"""The section `inspection` of the settings."""

from typing import Annotated, Literal

from msgspec import Meta

from parlour_server.core.config.server_settings import Section, setting

Choice = Literal["off", "flag", "redact", "block"]
"""The action of an inspector; `off` for none."""


class InspectionSettings(Section, frozen=True):
    """Inspection of what people send: each inspector is `off`, or does `flag`, `redact` or `block`."""

    secrets: Annotated[Choice, Meta(description="keys, tokens and passwords of known forms (D20)")] = "off"
    cards: Annotated[Choice, Meta(description="numbers of payment cards (D20)")] = "off"
    words: Annotated[Choice, Meta(description="words of the list in `word_list` (D20)")] = "off"
    files: Annotated[
        Choice,
        Meta(description="kinds of files in `refused_files`, and names that claim another kind (D20)"),
    ] = "off"
    size: Annotated[Choice, Meta(description="texts over `text_bytes`, files over `file_bytes`")] = "off"
    tunnel: Annotated[
        Choice, Meta(description="encoded data in many messages, or at the pace of a machine (D25)")
    ] = "off"
    word_list: Annotated[
        str, Meta(description="a file with one entry a line, in the data folder or with its whole path")
    ] = ""
    refused_files: Annotated[
        tuple[str, ...],
        Meta(description="of archive, database, document, media, picture, program: by content"),
    ] = ("program",)
    text_bytes: Annotated[int, setting("bytes", "the longest text, if `size` is on")] = 4_096
    file_bytes: Annotated[int, setting("bytes", "the largest file, if `size` is on")] = 10_485_760
    plugins: Annotated[
        tuple[str, ...],
        Meta(description="inspectors of installed packages, each `name=action`"),
    ] = ()
    inspector_ms: Annotated[
        int,
        setting("milliseconds", "inspectors that take longer for a request are killed, and it is refused"),
    ] = 1_000
    on_failure: Annotated[
        Literal["block", "allow"],
        Meta(description="what was not looked at, because an inspector failed, is refused or passes (D22)"),
    ] = "block"
    encrypted_rooms: Annotated[
        Literal["off", "on"],
        Meta(
            description="people's own devices inspect what they write in encrypted rooms: `secrets`, "
            "`cards`, `words`, `files`, `size`. Everyone is shown this, with the word list (D23)"
        ),
    ] = "off"
