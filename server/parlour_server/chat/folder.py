"""The chat's own files in a data folder: the key of the key log."""

from pathlib import Path
from typing import Final

from parlour_server.core.data_folder import DataFolder

LOG_KEY: Final = "keylog.key"


def log_key_of(folder: DataFolder) -> Path:
    """Return the key that signs the head of the key log."""
    return folder.path / LOG_KEY
