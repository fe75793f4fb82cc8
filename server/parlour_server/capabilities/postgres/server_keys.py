"""All servers of one database have the same keys: to clients they are one server (L21).

The database has the fingerprint of each key, of the first server that used it. A server with others does not
start: its clients would take it for an impostor, and its entries of a key log for forgeries.

They also share the folder of uploaded files, in which a file with a random text shows that it is the same.
A server that sees another one, because it is not mounted, does not start: downloads would fail there.
"""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import random_id
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Connection, Engine, WriteConnection
from parlour_server.host.setup.certificate_state import keeps_key
from parlour_server.host.setup.certificates import read_certificate

_CLAIM = "INSERT INTO server_keys (name, sha256) VALUES (?, ?) ON CONFLICT (name) DO "

_UPLOADS: Final = "uploads"
"""The name under which the folder of uploaded files is known."""


def claim_keys(folder: DataFolder, engine: Engine, *, replace: bool = False) -> None:
    """Compare the folder's keys with those of the database, which gets them if it has none yet.

    With ``replace`` it gets them anyway: the operator gave up lost ones. Raises SetupError.
    """
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
        _claim_uploads(db, engine, folder, claim, replace=replace)


def _fingerprints(folder: DataFolder) -> dict[str, bytes]:
    """Return what the database knows of each key. One that another program keeps may differ at each."""
    files = [folder.path / key.name for key in folder.keys]
    if folder.certificate.exists() and keeps_key(folder, read_certificate(folder.certificate)):
        files += [folder.key, folder.ca_key]
    return {file.name: hashlib.sha256(file.read_bytes()).digest() for file in files if file.exists()}


def find_other_uploads(db: Connection, folder: DataFolder) -> str | None:
    """Return what is wrong if this is not the folder of uploaded files that the other servers use."""
    marker = _marker(folder)
    row = db.execute("SELECT sha256 FROM server_keys WHERE name = ?", (_UPLOADS,)).fetchone()
    if marker is None or row is None or (marker.exists() and _digest(marker) == row[0]):
        return None
    return (
        f"{marker.parent} is not the folder of uploaded files that the other servers of this database use"
        f" ({marker.name} in it is {'another' if marker.exists() else 'missing'}); mount theirs there, or, if"
        " theirs is lost, use this one for all with `init --replace-lost-keys`"
    )


def _claim_uploads(
    db: WriteConnection, engine: Engine, folder: DataFolder, claim: str, *, replace: bool
) -> None:
    marker = _marker(folder)
    if marker is None:
        return
    row = db.execute("SELECT 1 FROM server_keys WHERE name = ?", (_UPLOADS,)).fetchone()
    if row is None or replace:
        try:
            marker.parent.mkdir(mode=0o700, exist_ok=True)
            with marker.open("x", encoding="ascii") as made:  # two servers may begin at once
                made.write(random_id())
        except FileExistsError:
            pass
        except OSError as error:
            raise SetupError(f"cannot write to {marker.parent}: {error.strerror}") from error
    if marker.exists():
        db.execute(claim, (_UPLOADS, _digest(marker)))
    if wrong := find_other_uploads(db, folder):
        raise SetupError(f"{wrong} ({engine})")


def _marker(folder: DataFolder) -> Path | None:
    return None if folder.uploads is None else folder.path / folder.uploads.name / ".shared"


def _digest(file: Path) -> bytes:
    return hashlib.sha256(file.read_bytes()).digest()
