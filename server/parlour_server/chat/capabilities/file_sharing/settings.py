"""How much people's files may take."""

from typing import Annotated

from parlour_protocol.limits import FILE_BYTES
from parlour_server.core.config.server_settings import Keys, setting


class FileSettings(Keys, frozen=True):
    """Keys of the section `files`."""

    user_bytes: Annotated[
        int,
        setting(
            "bytes",
            "all files of one account, so that one person can't fill the disk",
            ge=0,
            reloads=True,
            of_account=True,
        ),
    ] = 1_073_741_824
    room_bytes: Annotated[int, setting("bytes", "all files of one room", ge=0, reloads=True)] = 10_737_418_240
    total_bytes: Annotated[int, setting("bytes", "all files of the server", ge=0, reloads=True)] = (
        21_474_836_480
    )
    uploads_per_hour: Annotated[
        int, setting("uploads per hour", "of one account", reloads=True, of_account=True)
    ] = 240
    upload_bytes_per_hour: Annotated[
        int,
        setting(
            "bytes per hour",
            "uploaded by one account, deleted or not: deleting a file gives its space back, and not this; so "
            "a tunnel through files gets no more (D26)",
            ge=FILE_BYTES.value,
            reloads=True,
            of_account=True,
        ),
    ] = 268_435_456
    unnamed_minutes: Annotated[
        int, setting("minutes", "a file that no message refers to by then is removed", reloads=True)
    ] = 60
