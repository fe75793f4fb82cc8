"""Databases of a program without tables of its own."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from parlour_server.app.capability import tables_of
from parlour_server.app.program_store import ProgramStore
from parlour_server.capabilities import CAPABILITIES
from parlour_server.core.program_name import ProgramName
from parlour_server.host.setup import migrate

PROGRAM = ProgramName(word="shop", title="Shop", command="shop-server")
SCHEMA = replace(ProgramStore.schema(PROGRAM), capabilities=tables_of(CAPABILITIES))


@pytest.fixture(scope="session")
def new_kit_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database as `init` does, once: only to be copied."""
    path = tmp_path_factory.mktemp("kit") / "shop.db"
    migrate.create(path, SCHEMA)
    return path


@pytest.fixture
def kit_database(new_kit_database: Path, tmp_path: Path) -> Path:
    """Give the test a new database of its own."""
    return Path(shutil.copy(new_kit_database, tmp_path / "shop.db"))
