"""Where uploaded files are, below the data folder, and which there should be: for backups and `doctor`."""

from pathlib import Path
from typing import Final

from parlour_protocol.kit.ids import Millis
from parlour_protocol.limits import FILE_BYTES
from parlour_server.core.data_folder import DataFolder, UploadFolder
from parlour_server.core.store.engine.connection import Connection


def _recorded(db: Connection, now: Millis) -> list[tuple[str, int, bytes]]:
    return db.execute(
        # without a digest its bytes are still coming
        "SELECT file, size, sha256 FROM files WHERE length(sha256) > 0 AND (expires IS NULL OR expires > ?)",
        (now,),
    ).fetchall()


UPLOADS: Final = UploadFolder("files", FILE_BYTES.value, _recorded)


def files_of(folder: DataFolder) -> Path:
    """Return the folder of uploaded files, each named by its id."""
    return folder.path / UPLOADS.name
