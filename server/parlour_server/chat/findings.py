"""The findings of `doctor` in the chat's own files, and in its database."""

from contextlib import closing

from parlour_server.app.finding import Finding
from parlour_server.chat.name import NAME
from parlour_server.chat.system_account import lobby
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.signatures import SigningKey
from parlour_server.core.store.engine.connection import Engine


def find_all(folder: DataFolder, engine: Engine | None) -> list[Finding]:
    """Return the findings; without a database that can be read, those about files."""
    return [*_find_log_key(folder), *(_find_lobby(engine) if engine is not None else ())]


def _find_log_key(folder: DataFolder) -> list[Finding]:
    """Report whether the key of the key log can be used; ``problems`` checks its mode."""
    path = folder.signing_key
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
