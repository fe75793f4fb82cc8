"""Initialises a data folder: configuration, certificates, database, system account and lobby.

Every step is idempotent, so `init` can run again at any time, for a new name or after a restore. It creates
no account that can log in (P8).
"""

from dataclasses import dataclass

from parlour_protocol.ids import new_room_id
from parlour_protocol.kit.ids import RequestId
from parlour_protocol.kit.names import skeleton
from parlour_protocol.rooms import RoomKind
from parlour_server.delivery.key_log_signer import make_log_key
from parlour_server.kit.auth.password_hashing import HashingPool
from parlour_server.kit.clock import Clock
from parlour_server.kit.config.server_settings import Listen
from parlour_server.kit.config.settings_file import default_file, with_names
from parlour_server.kit.config.settings_loader import load, refuse_names
from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import write_private
from parlour_server.kit.setup.certificates import make_keys, pin_of, read_certificate, renew_if_due
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.setup.disk_reserve import keep_reserve
from parlour_server.kit.setup.open_store import opened
from parlour_server.kit.store.records import NewAccountRecord
from parlour_server.store.interface import Store
from parlour_server.store.types import NewRoom
from parlour_server.system_account import lobby, system_account, system_device

_REQUEST = RequestId("init-makes-the-lobby")


@dataclass(frozen=True, slots=True)
class Initialised:
    """The result. ``pin`` is that of the current certificate."""

    names: tuple[str, ...]
    pin: str
    new: tuple[str, ...]


async def initialise(
    folder: DataFolder, names: tuple[str, ...], clock: Clock, *, replace_lost_keys: bool = False
) -> Initialised:
    """Create what is missing. Raises SetupError, also for a lost key unless it may be replaced (L21)."""
    refuse_names(names)
    folder.create()
    new = [*_settings(folder, names)]
    known = load(folder.settings).listen.names
    if make_keys(folder, replace_lost=replace_lost_keys):
        new.append("keys")
    if renew_if_due(folder, known):
        new.append("certificate")
    if not folder.log_key.exists() and folder.database.exists() and not replace_lost_keys:
        raise folder.lost(folder.log_key)
    if make_log_key(folder.log_key):
        new.append("key of the key log")
    if not folder.database.exists():
        from parlour_server.store import migrate  # noqa: PLC0415 - loads Alembic

        migrate.create(folder.database)
        new.append("database")
    keep_reserve(folder)
    async with opened(folder, clock) as store:
        await _make_system_account(store, clock)
        if await _make_lobby(store, clock):
            new.append("lobby")
    return Initialised(known, pin_of(read_certificate(folder.certificate)), tuple(new))


def _settings(folder: DataFolder, names: tuple[str, ...]) -> list[str]:
    """Write the configuration, or add missing names to it."""
    if not folder.settings.exists():
        wanted = tuple(dict.fromkeys((*Listen().names, *names)))
        values = {"listen.names": wanted} if names else {}
        write_private(folder.settings, default_file(values).encode())
        return ["configuration"]
    known = load(folder.settings, environment={}).listen.names
    wanted = tuple(dict.fromkeys((*known, *names)))
    if wanted == known:
        return []
    text = with_names(folder.settings.read_text("utf-8"), wanted)
    write_private(folder.settings, text.encode())
    if load(folder.settings, environment={}).listen.names != wanted:
        raise SetupError(
            f"add {', '.join(names)} to `names` in [listen] of {folder.settings}, then run this again"
        )
    return ["names"]


async def _make_system_account(store: Store, clock: Clock) -> None:
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
    await store.accounts.set_disabled(system_account(), disabled=True)


async def _make_lobby(store: Store, clock: Clock) -> bool:
    if await store.rooms.find_public(lobby()) is not None:
        return False
    room = NewRoom(
        room=new_room_id(),
        kind=RoomKind.PUBLIC,
        author=system_account(),
        device=system_device(),
        request=_REQUEST,
        at=clock.now(),
        name=lobby(),
        skeleton=skeleton(lobby()),
    )
    _, events = await store.rooms.create(room)
    return bool(events)
