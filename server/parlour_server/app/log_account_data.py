"""The entries that an account wrote in the logs of a program.

Entries are numbered, and a log's state follows from all of them, so none is removed: after a deletion they
are by a pseudonym. A program that keeps more of people has an ``AccountData`` of its own.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.names import UserName
from parlour_server.app.account_data import AccountData, Deletion, ExportedFile
from parlour_server.core.clock import Clock
from parlour_server.core.data_folder import DataFolder

if TYPE_CHECKING:
    from parlour_server.app.program_store import ProgramStore

_STAYS: Final = (
    "The name stays taken, so that no one else can use it and be mistaken for them.",
    "Log entries stay, under another name, because later entries build on them.",
    "Copies in clients, exports, backups and the audit log stay.",
)


async def _count(store: "ProgramStore", user: UserName) -> Mapping[str, int]:
    return {"log_entries": await store.authors.count_of(user)}


async def _is_author(store: "ProgramStore", user: UserName) -> bool:
    return await store.authors.count_of(user) > 0


async def _delete(store: "ProgramStore", _clock: Clock, deletion: Deletion) -> Mapping[str, Any]:
    return {"entries_renamed": await store.authors.change_author(deletion.user, deletion.pseudonym)}


async def _export(store: "ProgramStore", _folder: DataFolder, user: UserName) -> AsyncIterator[ExportedFile]:
    yield ExportedFile("log_entries.jsonl", _lines(store, user))


async def _lines(store: "ProgramStore", user: UserName) -> AsyncIterator[bytes]:
    async for log, seq, at, body in store.authors.written_by(user):
        try:
            text: dict[str, str] = {"entry": body.decode()}
        except UnicodeDecodeError:
            text = {"entry_base64": base64.b64encode(body).decode()}
        yield json.dumps({"log": log, "seq": seq, "at": at, **text}, ensure_ascii=False).encode() + b"\n"


LOG_ACCOUNT_DATA: Final[AccountData[Any]] = AccountData(
    count=_count, goes="", stays=_STAYS, is_author=_is_author, delete=_delete, export=_export
)
