"""The chat's own files in a data folder: the key of the key log, and uploaded files."""

from pathlib import Path
from typing import Final

from parlour_server.core.data_folder import DataFolder

LOG_KEY: Final = "keylog.key"
FILES: Final = "files"


def log_key_of(folder: DataFolder) -> Path:
    """Return the key that signs the head of the key log."""
    return folder.path / LOG_KEY


def files_of(folder: DataFolder) -> Path:
    """Return the folder of uploaded files, each named by its id."""
    return folder.path / FILES
