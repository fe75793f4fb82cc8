"""Makes a restored PostgreSQL database ready: its logs get a new incarnation, so that clients notice.

`restore` does this for a backup of a folder; PostgreSQL restores its databases itself.
"""

from typing import Any

from parlour_protocol.kit.ids import Incarnation
from parlour_server.kit.errors import SetupError
from parlour_server.kit.program_spec import ProgramSpec
from parlour_server.kit.store.engine.connection import SHARED_NOW, Engine, WriteConnection
from parlour_server.kit.store.engine.incarnation import renew_incarnation

_RUNNING = f"SELECT address FROM nodes WHERE until > {SHARED_NOW}"  # noqa: S608 - of ours
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"


def begin_again(program: ProgramSpec[Any, Any], engine: Engine) -> Incarnation:
    """Give the logs of the database a new incarnation. Raises SetupError while a server uses it."""
    if not engine.is_shared:
        raise SetupError(f"{engine} is a file: `{program.name.command} restore` gives its backup a new one")
    program.schema.check(engine)

    def restored(db: WriteConnection) -> None:
        if running := db.execute(_RUNNING).fetchall():
            raise SetupError(f"a server still runs on {engine} ({running[0][0]}); stop all of them first")
        program.schema.restored(db, frozenset(name for (name,) in db.execute(_TABLES)))

    return renew_incarnation(engine, restored)
