"""Initialises a data folder: configuration, certificates, keys, database, and the program's first run.

Every step is idempotent, so `init` can run again at any time, for a new name or after a restore. It creates
no account that can log in (P8).
"""

from dataclasses import dataclass
from typing import Any

from parlour_server.kit.clock import Clock
from parlour_server.kit.config.settings_file import default_file, with_names
from parlour_server.kit.config.settings_loader import load, refuse_names
from parlour_server.kit.errors import SetupError
from parlour_server.kit.private_file import write_private
from parlour_server.kit.program_spec import ProgramSpec
from parlour_server.kit.setup.certificates import make_keys, pin_of, read_certificate, renew_if_due
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.setup.disk_reserve import keep_reserve
from parlour_server.kit.setup.open_store import opened


@dataclass(frozen=True, slots=True)
class Initialised:
    """The result. ``pin`` is that of the current certificate."""

    names: tuple[str, ...]
    pin: str
    new: tuple[str, ...]


async def initialise(
    program: ProgramSpec[Any, Any],
    folder: DataFolder,
    names: tuple[str, ...],
    clock: Clock,
    *,
    replace_lost_keys: bool = False,
) -> Initialised:
    """Create what is missing. Raises SetupError, also for a lost key unless it may be replaced (L21)."""
    refuse_names(names)
    folder.create()
    new = [*_settings(program, folder, names)]
    known = load(folder.settings, program.settings, program.name).listen.names
    if make_keys(folder, replace_lost=replace_lost_keys):
        new.append("keys")
    if renew_if_due(folder, known):
        new.append("certificate")
    for key in folder.keys:
        path = folder.path / key.name
        if not path.exists() and folder.database.exists() and not replace_lost_keys:
            raise folder.lost(path)
        if key.make(path):
            new.append(key.about)
    if not folder.database.exists():
        program.schema.create(folder.database)
        new.append("database")
    keep_reserve(folder)
    async with opened(program, folder, clock) as store:
        new += await program.first_run(folder, store, clock)
    return Initialised(known, pin_of(read_certificate(folder.certificate)), tuple(new))


def _settings(program: ProgramSpec[Any, Any], folder: DataFolder, names: tuple[str, ...]) -> list[str]:
    """Write the configuration, or add missing names to it."""
    defaults = program.settings()
    if not folder.settings.exists():
        wanted = tuple(dict.fromkeys((*defaults.listen.names, *names)))
        values = {"listen.names": wanted} if names else {}
        write_private(folder.settings, default_file(defaults, program.name, values).encode())
        return ["configuration"]
    known = load(folder.settings, program.settings, program.name, environment={}).listen.names
    wanted = tuple(dict.fromkeys((*known, *names)))
    if wanted == known:
        return []
    text = with_names(folder.settings.read_text("utf-8"), wanted)
    write_private(folder.settings, text.encode())
    if load(folder.settings, program.settings, program.name, environment={}).listen.names != wanted:
        raise SetupError(
            f"add {', '.join(names)} to `names` in [listen] of {folder.settings}, then run this again"
        )
    return ["names"]
