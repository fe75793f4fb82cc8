"""Makes a database ready that other tools restored: its logs get a new incarnation, so that clients notice.

`backup restore` does this by itself; a database on a server of its own is restored by that, and a replica of
a SQLite file by the tool that made it.
"""

import sqlite3
from typing import Any

from parlour_protocol.kit.ids import Incarnation
from parlour_server.app.base_app import BaseApp
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine, WriteConnection
from parlour_server.core.store.engine.incarnation import begin_incarnation, renew_incarnation
from parlour_server.host.setup.folder_lock import locked


def begin_again(program: BaseApp[Any, Any], folder: DataFolder, engine: Engine) -> Incarnation:
    """Give the logs of the database a new incarnation. Raises SetupError while a server uses it."""
    program.schema.check(engine)
    if not engine.is_shared:
        return _of_the_file(program, folder)

    def restored(db: WriteConnection) -> None:
        engine.refuse_running(db)
        program.schema.restored(db)

    return renew_incarnation(engine, restored)


def _of_the_file(program: BaseApp[Any, Any], folder: DataFolder) -> Incarnation:
    try:
        with locked(folder):
            return begin_incarnation(folder.database, program.schema.restored)
    except sqlite3.Error as error:
        raise SetupError(f"{folder.database} can't be written to ({error})") from error
