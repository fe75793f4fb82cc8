"""What is read from the revisions' files is what Alembic finds in them and writes into a database."""

from dataclasses import replace
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.server.shop_database import SCHEMA

from parlour_server.core.store.revisions import read_revisions
from parlour_server.host.setup import migrate

FIRST = 'revision = "0001"\ndown_revision = None\nbranch_labels = None\ndepends_on = None\n'
SECOND = FIRST.replace("None", '"0001"', 1).replace("0001", "0002", 1)
UPGRADE = "def upgrade():\n    pass\n"


@pytest.mark.parametrize(
    ("own", "newest"),
    [
        ([], {"0002"}),
        (['revision = "a1"\ndown_revision = "0001"'], {"0002", "a1"}),
        (['revision = "a1"\ndown_revision = "0002"'], {"a1"}),
        (
            ['revision = "a1"\ndown_revision = "0001"', 'revision = "a2"\ndown_revision = ("0002", "a1")'],
            {"a2"},
        ),
        (
            [
                'revision = "a1"\ndown_revision = "0001"',
                'revision = "a2"\ndown_revision = "a1"\ndepends_on = "0002"',
            ],
            {"a2"},
        ),
        (['revision = "a1"\ndown_revision = None\ndepends_on = ["0001"]'], {"0002", "a1"}),
        (
            [
                'from typing import Union\nrevision: str = "a1"\ndown_revision: Union[str, None] = "0001"',
                'revision: str = "a2"\ndown_revision: str = "a1"',
            ],
            {"0002", "a2"},
        ),
    ],
)
def test_any_shape_of_a_programs_revisions(tmp_path: Path, own: list[str], newest: set[str]) -> None:
    """A branch, a continuation, a merge, a dependency, a chain of its own; also with Alembic's type hints."""
    kit, mine = tmp_path / "kit", tmp_path / "own"
    (kit / "versions").mkdir(parents=True)
    mine.mkdir()
    (kit / "env.py").write_bytes((SCHEMA.migrations / "env.py").read_bytes())
    for number, head in enumerate((FIRST, SECOND), 1):
        (kit / "versions" / f"v{number}.py").write_text(f"{head}\n{UPGRADE}")
    for number, head in enumerate(own):
        (mine / f"v{number}.py").write_text(f"{head}\n{UPGRADE}")
    config = Config()
    config.set_main_option("script_location", str(kit))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", f"{kit / 'versions'}:{mine}")
    script = ScriptDirectory.from_config(config)
    schema = replace(SCHEMA, migrations=kit, own_revisions=mine)
    read = read_revisions(*schema.folders)
    assert read.newest == newest
    assert read.known == {found.revision for found in script.walk_revisions()}
    migrate.create(tmp_path / "a.db", schema)
    schema.check(tmp_path / "a.db")
