"""Files: uploads and downloads for the members of a room, and messages that name them."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.chat.capabilities.file_sharing.audit_events import FileEvent
from parlour_server.chat.capability import ChatCapability
from parlour_server.core.store.table_facts import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import MetaData

    from parlour_protocol.kit.ids import Millis
    from parlour_server.app.metrics import Metric
    from parlour_server.app.parts import Parts
    from parlour_server.chat.capability import Endpoints
    from parlour_server.chat.service.chat import Chat
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.chat.store.store_part import StorePart
    from parlour_server.core.config.server_settings import Section
    from parlour_server.core.data_folder import UploadFolder
    from parlour_server.core.https.operations import Operation
    from parlour_server.core.store.engine.connection import Connection


def _tables() -> "MetaData":
    from parlour_server.chat.capabilities.file_sharing.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _find_damage(db: "Connection", tables: frozenset[str]) -> "Iterator[str]":
    from parlour_server.chat.capabilities.file_sharing.integrity import file_damage  # noqa: PLC0415 - not for `--help`

    return file_damage(db, tables)


def _stored_files(db: "Connection", now: "Millis") -> "Sequence[tuple[str, int, bytes]]":
    from parlour_server.chat.capabilities.file_sharing.integrity import stored_files  # noqa: PLC0415 - not for others

    return stored_files(db, now)


def _uploads() -> "UploadFolder":
    from parlour_protocol.limits import FILE_BYTES  # noqa: PLC0415 - not for `--help`
    from parlour_server.chat.capabilities.file_sharing.folder import FILES  # noqa: PLC0415
    from parlour_server.core.data_folder import UploadFolder  # noqa: PLC0415

    return UploadFolder(FILES, FILE_BYTES.value, _stored_files)


def _keys() -> "Mapping[str, type[Section]]":
    from parlour_server.chat.capabilities.file_sharing.settings import FileSettings  # noqa: PLC0415 - not for `--help`

    return {"files": FileSettings}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.chat.capabilities.file_sharing.metrics import FILE_METRICS  # noqa: PLC0415 - not for `--help`

    return FILE_METRICS


def _operations() -> "tuple[Operation, ...]":
    from parlour_server.chat.capabilities.file_sharing.operations import FILE_OPERATIONS  # noqa: PLC0415 - as above

    return FILE_OPERATIONS


def _in_store() -> "tuple[StorePart, ...]":
    from parlour_server.chat.capabilities.file_sharing.part import FILES_IN_STORE  # noqa: PLC0415 - not for `--help`

    return (FILES_IN_STORE,)


def _join(parts: "Parts[Any, ChatStore]", chat: "Chat") -> "Endpoints":
    from parlour_server.chat.capabilities.file_sharing.join import join  # noqa: PLC0415 - not for commands

    return join(parts, chat)


CAPABILITY: Final = ChatCapability(
    name="file_sharing",
    join=_join,
    tables=Tables(
        metadata=_tables,
        bounds={
            "files": "files.user_bytes, files.room_bytes, files.total_bytes",
            "file_usage": "one for each account",
            "room_file_usage": "one for each room",
        },
        find_damage=_find_damage,
    ),
    keys=_keys,
    operations=_operations,
    metrics=_metrics,
    audit_events=tuple(FileEvent),
    limits=("files.uploads_per_hour", "files.upload_bytes_per_hour"),
    in_store=_in_store,
    uploads=_uploads,
)
