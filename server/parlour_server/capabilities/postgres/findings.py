"""The findings of `doctor` about a PostgreSQL database: what it runs on, and what can lose data there."""

from contextlib import closing
from typing import Final

from parlour_server.app.finding import Finding
from parlour_server.capabilities.postgres.server_keys import find_other_uploads
from parlour_server.capabilities.postgres.shared_now import SHARED_NOW
from parlour_server.core.clock import SystemClock
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Connection, Engine

SKEW_MILLIS: Final = 2_000
"""How far the clocks of a server and its database may differ: sessions and tickets expire by them."""
_MUST_BE_ON: Final = {
    "fsync": "after a crash the database may be damaged",
    "full_page_writes": "after a loss of power the database may be damaged",
    "synchronous_commit": "acknowledged messages can be lost in a crash",
}
_FEW_CONNECTIONS: Final = 50


def examine_postgres(folder: DataFolder, _settings: Settings | None, engine: Engine | None) -> list[Finding]:
    """Return the findings."""
    if engine is None or not engine.is_shared:
        return []
    try:
        with engine.explained(), closing(engine.connect_reader()) as db:
            return [*_safety(db), *_machine(db), *_network(engine, db), *_uploads(folder, db)]
    except SetupError as error:
        return [Finding("danger", "database", str(error))]


def _uploads(folder: DataFolder, db: Connection) -> list[Finding]:
    other = find_other_uploads(db, folder)
    return [Finding("danger", "uploads", other)] if other else []


def _show(db: Connection, setting: str) -> str:
    [value] = db.execute("SELECT current_setting(?)", (setting,)).fetchone()
    return str(value)


def _safety(db: Connection) -> list[Finding]:
    found = [
        Finding("danger", "database", f"{setting} is off in PostgreSQL: {why}; turn it on")
        for setting, why in _MUST_BE_ON.items()
        if _show(db, setting) == "off"
    ]
    [standby] = db.execute("SELECT pg_is_in_recovery()").fetchone()
    if standby:
        found.append(
            Finding("danger", "database", "it is a standby and can't be written; name the primary in the URL")
        )
    encoding = _show(db, "server_encoding")
    if encoding != "UTF8":
        found.append(
            Finding("danger", "database", f"its encoding is {encoding}; make it again with ENCODING 'UTF8'")
        )
    return found


def _machine(db: Connection) -> list[Finding]:
    version, most = _show(db, "server_version"), int(_show(db, "max_connections"))
    found = [Finding("fine", "database", f"PostgreSQL {version}, {most} connections")]
    if most < _FEW_CONNECTIONS:
        found.append(
            Finding("advice", "database", f"max_connections is {most}; each server takes up to ten of them")
        )
    clock = SystemClock()
    before = clock.now()
    [theirs] = db.execute(f"SELECT {SHARED_NOW}").fetchone()
    off = max(before - theirs, theirs - clock.now(), 0)
    if off > SKEW_MILLIS:
        text = f"this machine's clock and the database's differ by {off / 1000:.1f} s; run NTP on both"
        found.append(Finding("danger", "clock", text))
    else:
        found.append(Finding("fine", "clock", "this machine and the database agree on the time"))
    return found


def _network(engine: Engine, db: Connection) -> list[Finding]:
    if engine.unverified:
        return [Finding("danger", "database", engine.unverified)]
    encrypted = "SELECT version, cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl"
    row = db.execute(encrypted).fetchone()
    text = f"reached with {row[0]} ({row[1]}), verified" if row else "reached on this machine, without TLS"
    return [Finding("fine", "database", text)]
