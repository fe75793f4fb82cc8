"""All servers of one database have the same keys: to clients they are one server (L21).

The database has the fingerprint of each key, of the first server that used it. A server with others does not
start: its clients would take it for an impostor, and its entries of a key log for forgeries.
"""

import hashlib
from contextlib import closing

from parlour_server.kit.errors import SetupError
from parlour_server.kit.setup.certificates import is_own, read_certificate
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.kit.store.engine.connection import Engine

_CLAIM = "INSERT INTO server_keys (name, sha256) VALUES (?, ?) ON CONFLICT (name) DO "


def claim_keys(engine: Engine, folder: DataFolder, *, replace: bool = False) -> None:
    """Compare the folder's keys with those of the database, which gets them if it has none yet.

    With ``replace`` it gets them anyway: the operator gave up lost ones. Raises SetupError.
    """
    if not engine.is_shared:
        return  # keys and database are in one folder
    claim = _CLAIM + ("UPDATE SET sha256 = excluded.sha256" if replace else "NOTHING")
    with engine.explained(), closing(engine.connect_writer(announces=False)) as db:
        for name, digest in _fingerprints(folder).items():
            db.execute(claim, (name, digest))
            [claimed] = db.execute("SELECT sha256 FROM server_keys WHERE name = ?", (name,)).fetchone()
            if claimed != digest:
                raise SetupError(
                    f"{folder.path / name} is not the key of the servers that use {engine}; copy their data"
                    " folder, or use another database"
                )


def _fingerprints(folder: DataFolder) -> dict[str, bytes]:
    """Return what the database knows of each key. A certificate of another CA may differ at each server."""
    files = [folder.path / key.name for key in folder.keys]
    if folder.certificate.exists() and is_own(folder, read_certificate(folder.certificate)):
        files += [folder.key, folder.ca_key]
    return {file.name: hashlib.sha256(file.read_bytes()).digest() for file in files if file.exists()}
