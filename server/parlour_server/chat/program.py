"""The chat as a program of the kit: its names, settings, files, store, and what `init` makes.

It loads quickly, because every command of `parlour-server` needs it; ``app.py`` makes the running server.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.frames.wire import WIRE
from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import UserName, skeleton
from parlour_protocol.rooms import RoomKind
from parlour_server.app.capability import settings_of, tables_of
from parlour_server.app.finding import Finding
from parlour_server.app.program_spec import ProgramSpec
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.audit import CHAT_REPEATABLE, ChatAuditEvent
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capability import account_data_of, store_parts_of, uploads_of
from parlour_server.chat.folder import LOG_KEY, log_key_of
from parlour_server.chat.https.error_answers import ERROR_ANSWERS, ERROR_STATUSES
from parlour_server.chat.https.operations import DELIVERY_OPERATIONS
from parlour_server.chat.name import NAME
from parlour_server.chat.service.lobby import INVITE_ROLES, enter_lobby
from parlour_server.chat.service.notices import NOTICES
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.bounds import CHAT_BOUNDS
from parlour_server.chat.store.chat_schema import SCHEMA
from parlour_server.chat.store.types import NewRoom
from parlour_server.chat.system_account import lobby, system_account, system_device
from parlour_server.core.accounts.tables.authority import ByOperator
from parlour_server.core.clock import Clock
from parlour_server.core.data_folder import DataFolder, KeyFile
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.records import NewAccountRecord

if TYPE_CHECKING:
    from parlour_server.app.running_program import Parts, RunningProgram
    from parlour_server.chat.store.chat_store import ChatStore

_SUMMARY: Final = (
    "Accounts, sessions, devices, groups and files; the chat itself is a WebSocket (asyncapi.json)."
)
_AFTER_RESTORE: Final = """\
The logs are another incarnation: everything is as it was at the backup. What to expect, and what to do:
- Messages that were sent since are not on this server. People's devices keep those that they have, and
  show that the server's history is older. Tell people before you start it.
- Anyone who was kicked or banned since is back: ask moderators to look at their rooms.
- Passwords, sessions, accounts and devices are as they were: end sessions that you ended since
  (`parlour-server session end`), disable accounts again (`parlour-server user disable`), and ask people
  to revoke lost devices again (`/devices`).
- Accounts that you deleted since are back, with their data, and addresses that you banned since are not
  banned: run `parlour-server user delete` and `parlour-server address ban` again for them.
- Don't run the old data folder again: two servers would tell two histories."""
_REQUEST: Final = RequestId("init-makes-the-lobby")
_CAPABILITIES: Final = (*CAPABILITIES, *CHAT_CAPABILITIES)


def chat_store(place: Path | Engine, clock: Clock, *, tells_by_bus: bool = False) -> "ChatStore":
    """Return the chat's store, not open yet, with what its capabilities have in it."""
    from parlour_server.chat.store.chat_store import ChatStore  # noqa: PLC0415 - not for every command

    return ChatStore(place, clock, tells_by_bus=tells_by_bus, parts=store_parts_of(CHAT_CAPABILITIES))


def _make_store(
    engine: Engine,
    clock: Clock,
    tells_by_bus: bool,  # noqa: FBT001 - see ``ProgramSpec``
) -> "ChatStore":
    return chat_store(engine, clock, tells_by_bus=tells_by_bus)


def _make_log_key(path: Path) -> bool:
    from parlour_server.core.signatures import make_signing_key  # noqa: PLC0415 - loads cryptography

    return make_signing_key(path)


async def _start(parts: "Parts[ChatSettings, ChatStore]") -> "RunningProgram[ChatSettings]":
    from parlour_server.chat.app import start_chat  # noqa: PLC0415 - loads the whole server

    return await start_chat(parts)


def _find_log_key(folder: DataFolder) -> list[Finding]:
    """Report whether the key of the key log can be used; ``problems`` checks its mode."""
    from parlour_server.core.signatures import SigningKey  # noqa: PLC0415 - loads cryptography

    path = log_key_of(folder)
    if not path.exists():
        return [Finding("danger", "key log", str(folder.lost(path)))]
    try:
        SigningKey.load(path)
    except SetupError as error:
        return [Finding("danger", "key log", str(error))]
    return [Finding("fine", "key log", f"{path.name} signs it")]


def _find_lobby(engine: Engine) -> list[Finding]:
    """Report that there is no lobby: `init` makes one, and the operator may have renamed or deleted it."""
    try:
        with closing(engine.connect_reader()) as db:
            query = "SELECT 1 FROM rooms WHERE name = ? AND kind = 'public'"
            if db.execute(query, (str(lobby()),)).fetchone() is not None:
                return []
    except engine.failures:
        return []  # the finding about the database reports it
    makes = f"`{NAME.command} room create {lobby()}` makes one"
    return [
        Finding("advice", "lobby", f"no public room is called {lobby()}: new accounts join no room; {makes}")
    ]


def _findings(folder: DataFolder, engine: Engine | None) -> list[Finding]:
    return [*_find_log_key(folder), *(_find_lobby(engine) if engine is not None else ())]


async def _make_system_account_and_lobby(_folder: DataFolder, store: "ChatStore", clock: Clock) -> list[str]:
    await _make_system_account(store, clock)
    return ["lobby"] if await _make_lobby(store, clock) else []


async def _make_system_account(store: "ChatStore", clock: Clock) -> None:
    from parlour_server.core.accounts.password_hashing import HashingPool  # noqa: PLC0415 - loads argon2

    if await store.accounts.find(system_account()) is not None:
        return
    passwords = HashingPool(threads=1)
    try:
        record = NewAccountRecord(
            system_account(), skeleton(system_account()), passwords.unusable(), clock.now()
        )
    finally:
        passwords.close()
    await store.accounts.create(record, None)
    await store.accounts.set_disabled(ByOperator(system_account()), disabled=True)


async def _make_lobby(store: "ChatStore", clock: Clock) -> bool:
    if await store.rooms.find_public(lobby()) is not None:
        return False
    room = NewRoom(
        room=new_room_id(),
        kind=RoomKind.PUBLIC,
        author=system_account(),
        session=None,
        device=system_device(),
        request=_REQUEST,
        at=clock.now(),
        name=lobby(),
        skeleton=skeleton(lobby()),
    )
    made = await store.rooms.create(room)
    return bool(made.events)


async def _account_facts(store: "ChatStore") -> Mapping[UserName, Mapping[str, Any]]:
    return await store.rooms.people(lobby())


async def _prune(store: "ChatStore", settings: ChatSettings, clock: Clock) -> int:
    return sum([await one.prune(store, settings, clock) for one in CHAT_CAPABILITIES])


def _pruned_text(rooms: int) -> str:
    return f", and messages of {rooms} room{'' if rooms == 1 else 's'}"


CHAT: Final = ProgramSpec(
    name=NAME,
    wire=WIRE,
    start=_start,
    settings=settings_of(ChatSettings, _CAPABILITIES),
    operations=DELIVERY_OPERATIONS,
    api_summary=_SUMMARY,
    error_answers=ERROR_ANSWERS,
    error_statuses=ERROR_STATUSES,
    notices=NOTICES,
    audit_events=tuple(ChatAuditEvent),
    repeatable_events=CHAT_REPEATABLE,
    schema=replace(SCHEMA, capabilities=tables_of(_CAPABILITIES)),
    make_store=_make_store,
    capabilities=_CAPABILITIES,
    keys=(KeyFile(LOG_KEY, "key of the key log", _make_log_key),),
    signing_key_name=LOG_KEY,
    uploads=uploads_of(CHAT_CAPABILITIES),
    own_accounts=frozenset({system_account()}),
    first_run=_make_system_account_and_lobby,
    invite_roles=INVITE_ROLES,
    account_made=enter_lobby,
    account_data=account_data_of(CHAT_CAPABILITIES),
    account_facts=_account_facts,
    findings=_findings,
    bounds=CHAT_BOUNDS,
    prune=_prune,
    pruned_text=_pruned_text,
    tells_devices=True,
    link_fields=frozenset({"by"}),
    after_restore=_AFTER_RESTORE,
)
