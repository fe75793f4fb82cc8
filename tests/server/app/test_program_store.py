"""The store of a program without tables of its own: its schema, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.server.core.store.world import FakeClock
from tests.server.shop_database import PROGRAM

from parlour_server.app.program_store import ProgramStore
from parlour_server.core.errors import SetupError
from parlour_server.host.setup import migrate


def test_the_version_is_the_newest_revision(kit_database: Path) -> None:
    """What a server asks for is what the migrations lead to."""
    schema = ProgramStore.schema(PROGRAM)
    config = Config()
    config.set_main_option("script_location", str(schema.migrations))
    newest = ScriptDirectory.from_config(config).get_current_head()
    assert schema.version == newest == schema.current(kit_database)
    migrate.upgrade(kit_database, schema)
    assert schema.damage(kit_database) == []


async def test_errors_name_the_programs_own_command(tmp_path: Path) -> None:
    """A program never tells its operator to run the chat's commands."""
    clock = FakeClock()
    with pytest.raises(SetupError, match=r"`shop-server init`"):
        await ProgramStore(tmp_path / "mistyped.db", PROGRAM, clock).open()
    other = tmp_path / "other.db"
    other.write_bytes(b"nothing" * 1000)
    with pytest.raises(SetupError, match="not a Shop database"):
        migrate.upgrade(other, ProgramStore.schema(PROGRAM))


def test_it_loads_neither_the_chat_nor_migrations() -> None:
    """A program's running server has no room, device or file in it, and no Alembic."""
    code = (
        "import sys, parlour_server.app.program_store\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'alembic')"
        " or name.startswith(('parlour_server.chat', 'parlour_protocol.frames'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert done.stdout.strip() == "[]"
