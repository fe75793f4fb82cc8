"""Where uploaded files are, below the data folder."""

from pathlib import Path
from typing import Final

from parlour_server.core.data_folder import DataFolder

FILES: Final = "files"
"""The name of the folder."""


def files_of(folder: DataFolder) -> Path:
    """Return the folder of uploaded files, each named by its id."""
    return folder.path / FILES
