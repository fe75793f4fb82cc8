"""Its files in the data folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from parlour_server.core.data_folder import DataFolder

ACCOUNT_KEY: Final = "acme.key"
"""The key of the account at the CA."""


def account_key_of(folder: "DataFolder") -> Path:
    """Return the file with the key of the account at the CA."""
    return folder.path / ACCOUNT_KEY


def answers_of(folder: "DataFolder") -> Path:
    """Return the folder of answers to the CA's challenges; every process gives them."""
    return (folder.main or folder).path / "acme"


def failures_of(folder: "DataFolder") -> Path:
    """Return the file that counts failed requests."""
    return folder.path / "acme.json"
