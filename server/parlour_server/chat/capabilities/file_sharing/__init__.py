"""Files: uploads and downloads for the members of a room, and messages that name them."""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Sections
from parlour_server.chat.capability import ChatCapability, ChatServed
from parlour_server.core.store.table_facts import Metadata, Tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.data_folder import UploadFolder
    from parlour_server.core.store.engine.connection import Connection


def _served() -> ChatServed:
    from parlour_server.chat.capabilities.file_sharing.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.chat.capabilities.file_sharing.settings import FileSettings  # noqa: PLC0415 - not for `--help`

    return {"files": FileSettings}


def _tables() -> Metadata:
    from parlour_server.chat.capabilities.file_sharing.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _find_damage(db: "Connection", tables: frozenset[str]) -> "Iterator[str]":
    from parlour_server.chat.capabilities.file_sharing.integrity import file_damage  # noqa: PLC0415 - not for `--help`

    return file_damage(db, tables)


def _uploads() -> "UploadFolder":
    from parlour_server.chat.capabilities.file_sharing.folder import UPLOADS  # noqa: PLC0415 - not for `--help`

    return UPLOADS


def _in_store() -> "StorePart":
    from parlour_server.chat.capabilities.file_sharing.part import FILES_IN_STORE  # noqa: PLC0415 - not for `--help`

    return FILES_IN_STORE


CAPABILITY: Final = ChatCapability(
    name="file_sharing",
    served=_served,
    settings=_settings,
    tables=Tables(
        metadata=_tables,
        bounds={
            "files": "files.user_bytes, files.room_bytes, files.total_bytes",
            "file_usage": "one for each account",
            "room_file_usage": "one for each room",
        },
        find_damage=_find_damage,
    ),
    in_store=_in_store,
    uploads=_uploads,
)
