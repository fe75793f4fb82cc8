"""Capabilities and a database that is older than they are, and one that can't start."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, Table
from tests.server.kit.conftest import SCHEMA

from parlour_protocol.kit.server_notices import FollowNotices
from parlour_protocol.kit.wire import Wire
from parlour_server.kit.app import App
from parlour_server.kit.capability import Capability
from parlour_server.kit.errors import SetupError
from parlour_server.kit.hooks import Hooks
from parlour_server.kit.running_program import Parts
from parlour_server.kit.store.table_facts import Tables
from parlour_server.kit.store.tables import KEYED, Words
from parlour_server.kit.testing.server import running


def shelves() -> MetaData:
    """Return the tables of a capability."""
    metadata = MetaData()
    Table("shelves", metadata, Column("shelf", Words, primary_key=True), **KEYED)
    return metadata


TABLES = Tables(metadata=shelves, bounds={"shelves": "one for each wall"})


def test_migrate_makes_the_tables_of_a_capability_that_is_new(kit_database: Path) -> None:
    """The database lacks them, so a server refuses it; without the capability they may stay."""
    newer = replace(SCHEMA, capabilities=(*SCHEMA.capabilities, TABLES))
    assert not newer.is_newest(kit_database)
    with pytest.raises(SetupError, match="`shop-server migrate`"):
        newer.check(kit_database)
    newer.upgrade(kit_database)
    newer.check(kit_database)
    newer.upgrade(kit_database)
    SCHEMA.check(kit_database)


async def test_one_that_cannot_start_stops_the_start(tmp_path: Path) -> None:
    """With its own sentence, and nothing is left running: the folder can be used again."""

    async def start(_parts: Parts[Any, Any], _hooks: Hooks) -> None:
        raise SetupError("the shelves are missing")

    broken = Capability(name="shelves", start=start)
    with pytest.raises(SetupError, match="the shelves are missing"):
        async with running(
            App[None](Wire("shop.v1", requests=FollowNotices), capabilities=(broken,)), tmp_path / "data"
        ):
            pass
