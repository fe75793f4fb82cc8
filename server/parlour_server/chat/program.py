"""The chat as a program of the kit: its names, settings, files, store, and what `init` makes.

It loads quickly, because every command of `parlour-server` needs it; ``app.py`` makes the running server.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Role
from parlour_server.app.capability import settings_of, tables_of
from parlour_server.app.program_spec import ProgramSpec
from parlour_server.capabilities import CAPABILITIES
from parlour_server.chat.capabilities import CHAT_CAPABILITIES
from parlour_server.chat.capability import chat_served_by, store_parts_of, uploads_of
from parlour_server.chat.name import NAME
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_schema import CHAT_BOUNDS, SCHEMA
from parlour_server.chat.system_account import lobby, system_account
from parlour_server.core.clock import Clock
from parlour_server.core.data_folder import DataFolder, KeyFile
from parlour_server.core.store.engine.connection import Engine

if TYPE_CHECKING:
    from parlour_server.app.account_data import AccountData
    from parlour_server.app.finding import Finding
    from parlour_server.app.served_program import ServedProgram
    from parlour_server.chat.store.chat_store import ChatStore
    from parlour_server.core.bus.bus import Bus

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
_LOG_KEY: Final = "keylog.key"
"""The key that signs the head of the key log."""
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


def _served() -> "ServedProgram[ChatSettings, ChatStore]":
    from parlour_server.chat.served import CHAT_SERVED  # noqa: PLC0415 - loads the protocol

    return CHAT_SERVED


def _findings(folder: DataFolder, engine: Engine | None) -> "list[Finding]":
    from parlour_server.chat.findings import find_all  # noqa: PLC0415 - for `doctor` only

    return find_all(folder, engine)


async def _first_run(_folder: DataFolder, store: "ChatStore", clock: Clock) -> list[str]:
    from parlour_server.chat.first_run import make_system_account_and_lobby  # noqa: PLC0415 - not for every command

    return await make_system_account_and_lobby(store, clock)


async def _account_made(store: "ChatStore", bus: "Bus", clock: Clock, user: UserName, role: str) -> None:
    from parlour_server.chat.service.lobby import enter_lobby  # noqa: PLC0415 - not for every command

    await enter_lobby(store, bus, clock, user, role)


def _account_data() -> "AccountData[ChatStore] | None":
    found = (one.account_data for one in chat_served_by(CHAT_CAPABILITIES))
    return next((one for one in found if one is not None), None)


async def _account_facts(store: "ChatStore") -> Mapping[UserName, Mapping[str, Any]]:
    return await store.rooms.people(lobby())


async def _prune(store: "ChatStore", settings: ChatSettings, clock: Clock) -> int:
    served = chat_served_by(CHAT_CAPABILITIES)
    return sum([await one.prune(store, settings, clock) for one in served if one.prune is not None])


def _pruned_text(rooms: int) -> str:
    return f", and messages of {rooms} room{'' if rooms == 1 else 's'}"


CHAT: Final = ProgramSpec(
    name=NAME,
    served=_served,
    settings=settings_of(ChatSettings, _CAPABILITIES),
    schema=replace(SCHEMA, capabilities=tables_of(_CAPABILITIES)),
    make_store=_make_store,
    capabilities=_CAPABILITIES,
    keys=(KeyFile(_LOG_KEY, "key of the key log", _make_log_key),),
    signing_key_name=_LOG_KEY,
    uploads=uploads_of(CHAT_CAPABILITIES),
    own_accounts=frozenset({system_account()}),
    first_run=_first_run,
    invite_roles=(Role.MODERATOR.value, Role.OWNER.value),
    account_made=_account_made,
    account_data=_account_data,
    account_facts=_account_facts,
    findings=_findings,
    bounds=CHAT_BOUNDS,
    prune=_prune,
    pruned_text=_pruned_text,
    tells_devices=True,
    link_fields=frozenset({"by"}),
    after_restore=_AFTER_RESTORE,
)
