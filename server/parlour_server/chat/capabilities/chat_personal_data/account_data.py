"""The chat's part in deleting and exporting an account.

Deletion leaves rooms by an event, removes messages by an event each, and gives what stays a pseudonym. In an
encrypted room only a member's device can remove someone: where the account's devices are in the group, it
stays listed, closed, until a moderator removes it.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.frames.bodies import AnyBody, Deleted, Left, Reacted
from parlour_protocol.frames.fields import Reaction
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Seq, new_request_id
from parlour_protocol.kit.names import UserName
from parlour_server.app.account_data import AccountData, Deletion, ExportedFile
from parlour_server.chat.capabilities.chat_personal_data.store import PAUSE_SECONDS, AccountDataStore
from parlour_server.chat.capability import ChatServed
from parlour_server.chat.rooms.operator_rules import allow_anything
from parlour_server.chat.store.types import AppendEvent
from parlour_server.chat.system_account import system_device
from parlour_server.core.clock import Clock, SystemClock
from parlour_server.core.data_folder import DataFolder

if TYPE_CHECKING:
    from parlour_server.chat.store.chat_store import ChatStore

_GOES: Final = "Their uploaded files, devices, invitations and blocks go."
_STAYS: Final = (
    "The name stays taken, so that no one else can use it and be mistaken for them.",
    "Unencrypted rooms keep the lines that say when they joined and left, and what others wrote about them.",
    "Encrypted rooms keep their messages: the server can't read them, and members would miss them.",
    (
        "Only members' devices can remove anyone from an encrypted room: the client of an owner or moderator "
        "does it within a minute of hearing of this, unless they verified the person: then /kick does it. "
        "Until then, and for good in a direct room or as an owner, they stay listed there, but nobody can "
        "log in as them."
    ),
    "The log of keys keeps their public keys: every client checks that nothing in it changes.",
    "Copies on members' devices, in exports, backups and the audit log stay.",
)


async def _count(store: "ChatStore", user: UserName) -> Mapping[str, int]:
    return await AccountDataStore(store, SystemClock()).count(user)


async def _is_author(store: "ChatStore", user: UserName) -> bool:
    return await AccountDataStore(store, SystemClock()).is_author(user)


async def _delete(store: "ChatStore", clock: Clock, deletion: Deletion) -> Mapping[str, Any]:
    data, user = AccountDataStore(store, clock), deletion.user
    left = removed = 0
    while rooms := await data.rooms_to_leave(user):
        await asyncio.gather(*(_append(store, clock, user, room, Left()) for room in rooms))
        left += len(rooms)
        await asyncio.sleep(PAUSE_SECONDS)
    if not deletion.keeps_messages:
        while reactions := await data.reactions(user):
            bodies = [(room, Reacted(seq, Reaction.parse(text), on=False)) for room, seq, text in reactions]
            await asyncio.gather(*(_append(store, clock, user, room, body) for room, body in bodies))
            await asyncio.sleep(PAUSE_SECONDS)
        while messages := await data.messages(user):
            await asyncio.gather(
                *(_append(store, clock, user, room, Deleted(target=seq)) for room, seq in messages)
            )
            removed += len(messages)
            await asyncio.sleep(PAUSE_SECONDS)
    ended = await data.end(user)
    await data.remove_rows(user)
    await data.blank_in_empty_rooms(user)
    changed = await data.change_author(user, deletion.pseudonym)
    return {
        "rooms_left": left,
        "messages_removed": removed,
        **ended,
        "events_renamed": changed,
        "still_listed_in": list(await data.rooms_that_stay(user)),
    }


async def _append(store: "ChatStore", clock: Clock, user: UserName, room: RoomId, body: AnyBody) -> None:
    await store.log.append(
        AppendEvent(room, user, system_device(), new_request_id(), clock.now(), body, None), allow_anything
    )


async def _export(store: "ChatStore", folder: DataFolder, user: UserName) -> AsyncIterator[ExportedFile]:
    data = AccountDataStore(store, SystemClock())
    for name in data.exported:
        yield ExportedFile.of_json(f"{name}.json", await data.table(name, user))
    yield ExportedFile("messages.jsonl", _events(store, user))
    for part in data.parts:
        if part.files is not None:
            async for file in part.files(store, folder, user):
                yield file


async def _events(store: "ChatStore", user: UserName) -> AsyncIterator[bytes]:
    """Yield one line for each event of the account, with its body as the server has it."""
    data = AccountDataStore(store, SystemClock())
    for room in await data.rooms_written_in(user):
        after = Seq(0)
        while page := await data.events(user, room, after):
            for seq, at, device, body in page:
                row = {"room": room, "seq": seq, "at": at, "device": device, "event": _event(body)}
                yield json.dumps(row, ensure_ascii=False).encode() + b"\n"
                after = seq


def _event(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {"unreadable": base64.b64encode(body).decode()}


CHAT_ACCOUNT_DATA: Final["AccountData[ChatStore]"] = AccountData(
    count=_count, goes=_GOES, stays=_STAYS, is_author=_is_author, delete=_delete, export=_export
)
SERVED: Final = ChatServed(account_data=CHAT_ACCOUNT_DATA)
