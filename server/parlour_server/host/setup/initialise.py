"""Initialises a data folder: configuration, certificates, keys, database, and the program's first run.

Every step is idempotent, so `init` can run again at any time, for a new name or after a restore. It creates
no account that can log in (P8).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import served_by
from parlour_server.core.clock import Clock
from parlour_server.core.config.settings_table import rows
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.private_file import write_private
from parlour_server.host.config.settings_file import default_file, with_values
from parlour_server.host.config.settings_loader import load, refuse_names
from parlour_server.host.setup.certificates import make_keys, pin_of, read_certificate, renew_if_due
from parlour_server.host.setup.disk_reserve import keep_reserve
from parlour_server.host.setup.open_store import claim_keys, engine_for, opened


@dataclass(frozen=True, slots=True)
class Initialised:
    """The result. ``pin`` is that of the current certificate."""

    names: tuple[str, ...]
    pin: str
    new: tuple[str, ...]


async def initialise(
    program: BaseApp[Any, Any],
    folder: DataFolder,
    names: tuple[str, ...],
    clock: Clock,
    *,
    given: Mapping[str, Any] | None = None,
    replace_lost_keys: bool = False,
    begin: Callable[[], object] = lambda: None,
) -> Initialised:
    """Create what is missing. ``given`` are settings (`section.key`) to write into the configuration.

    ``begin`` records it in the folder, before anything else is written there.
    Raises SetupError, also for a lost key unless it may be replaced (L21).
    """
    refuse_names(names)
    _refuse_database(program, folder, given or {})
    folder.create()
    begin()
    new = [*_settings(program, folder, names, given or {})]
    settings = load(folder.settings, program.settings_type, program.name)
    engine = engine_for(program, folder, settings)
    was_made = engine.exists()
    if engine.is_shared and was_made and not folder.key.exists() and not replace_lost_keys:
        raise SetupError(
            f"{engine} belongs to a server already, and another one on it needs the same keys: copy the data"
            f" folder of the first to {folder.path}, then run this again"
        )
    if make_keys(folder, had_database=was_made, replace_lost=replace_lost_keys):
        new.append("keys")
    if renew_if_due(folder, settings.listen.names):
        new.append("certificate")
    for key in folder.keys:
        path = folder.path / key.name
        if not path.exists() and was_made and not replace_lost_keys:
            raise folder.lost(path)
        if key.make(path):
            new.append(key.about)
    for served in served_by(program.capabilities):
        new += served.make(folder) if served.make is not None else ()
    if not was_made:
        from parlour_server.host.setup import migrate  # noqa: PLC0415 - loads Alembic

        migrate.create(engine, program.schema)
        new.append("database")
    keep_reserve(folder)
    program.schema.check(engine)
    claim_keys(program, folder, engine, replace=replace_lost_keys)
    async with opened(program, folder, clock) as store:
        new += await program.first_run(folder, store, clock)
    return Initialised(settings.listen.names, pin_of(read_certificate(folder.certificate)), tuple(new))


def _refuse_database(program: BaseApp[Any, Any], folder: DataFolder, given: Mapping[str, Any]) -> None:
    """Raise SetupError for a database that can't be used, before anything is written.

    Such as one that has to be migrated first, or another one than that of the folder.
    """
    settings = load(folder.settings, program.settings_type, program.name, flags=given)
    engine = engine_for(program, folder, settings)
    if engine.is_shared and folder.database.exists():
        raise SetupError(
            f"{folder.path} has a database already; `{program.name.command} import` moves it to another one"
        )
    if engine.exists() and folder.settings.exists():
        program.schema.check(engine)


def _settings(
    program: BaseApp[Any, Any], folder: DataFolder, names: tuple[str, ...], given: Mapping[str, Any]
) -> list[str]:
    """Write the configuration, or add missing names and what was given to it."""
    defaults = program.settings_type()
    if not folder.settings.exists():
        wanted: dict[str, Any] = dict(given)
        if names:
            wanted["listen.names"] = tuple(dict.fromkeys((*defaults.listen.names, *names)))
        write_private(folder.settings, default_file(defaults, program.name, wanted).encode())
        return ["configuration"]
    known = _in_file(program, folder)
    wanted = {**given, "listen.names": tuple(dict.fromkeys((*known["listen.names"], *names)))}
    changed = [name for name, value in wanted.items() if known[name] != value]
    if not changed:
        return []
    text = with_values(folder.settings.read_text("utf-8"), {name: wanted[name] for name in changed})
    write_private(folder.settings, text.encode())
    known = _in_file(program, folder)
    for name in changed:
        if known[name] != wanted[name]:
            section, _, key = name.partition(".")
            added = ", ".join(names) if key == "names" else wanted[name]
            raise SetupError(
                f"add {added} to `{key}` in [{section}] of {folder.settings}, then run this again"
            )
    return ["names" if name == "listen.names" else name for name in changed]


def _in_file(program: BaseApp[Any, Any], folder: DataFolder) -> dict[str, Any]:
    """Return the settings of the configuration file, without those of the environment."""
    settings = load(folder.settings, program.settings_type, program.name, environment={})
    return {row.name: row.value for row in rows(settings)}
