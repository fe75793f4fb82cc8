"""The operations of files."""

from http import HTTPStatus
from typing import Final

from parlour_protocol.delivery import FileStored
from parlour_protocol.limits import FILE_BYTES
from parlour_server.core.https.operations import BODY, BUSY, FORBIDDEN, NOT_FOUND, Operation

FILE_OPERATIONS: Final = (
    Operation(
        "upload_file",
        "POST",
        "/v1/rooms/{id}/files",
        "Upload a file to a room; then send a message that names it.",
        HTTPStatus.CREATED,
        gives=FileStored,
        refusals=(
            *BODY,
            FORBIDDEN,
            NOT_FOUND,
            HTTPStatus.LENGTH_REQUIRED,
            HTTPStatus.INSUFFICIENT_STORAGE,
            BUSY,
        ),
        cap=FILE_BYTES,
        takes_bytes=True,
    ),
    Operation(
        "download_file",
        "GET",
        "/v1/files/{id}",
        "Download a file from one of your rooms.",
        HTTPStatus.OK,
        refusals=(NOT_FOUND, BUSY),
        gives_bytes=True,
    ),
)
