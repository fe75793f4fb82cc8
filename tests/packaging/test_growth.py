"""`docs/reference/growth.md` lists every table with its bound: a new one is not forgotten."""

import re
from pathlib import Path

import pytest

from parlour_server.app.capability import tables_of
from parlour_server.chat.program import CHAT
from parlour_server.chat.store.chat_schema import CHAT_BOUNDS
from parlour_server.chat.store.tables import metadata
from parlour_server.core.store.table_facts import KIT_BOUNDS, Tables
from parlour_server.core.store.tables import metadata as kit_metadata

TABLES = {*kit_metadata.tables, *metadata.tables, *CHAT.schema.bounds}
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "growth.md"


def test_disk_show_has_a_bound_for_every_table() -> None:
    """In a few words; the page says more."""
    assert set(KIT_BOUNDS) | set(CHAT_BOUNDS) | set(CHAT.schema.bounds) >= TABLES
    assert not set(KIT_BOUNDS) & set(CHAT_BOUNDS)
    assert set(CHAT_BOUNDS) <= TABLES


@pytest.mark.parametrize("tables", CHAT.schema.capabilities, ids=lambda tables: ", ".join(tables.bounds))
def test_a_capability_names_its_tables(tables: Tables) -> None:
    """By their bounds, which a server reads to see whether they are there."""
    assert set(tables.metadata().tables) == set(tables.bounds)


@pytest.mark.parametrize("tables", tables_of(CHAT.capabilities), ids=lambda tables: ", ".join(tables.bounds))
def test_what_a_capability_has_of_accounts_goes_with_them(tables: Tables) -> None:
    """Each of its tables with a column of accounts says how it is exported, and is deleted.

    The chat's own tables are in ``tests/server/chat/store/sql/test_owners.py``.
    """
    named = {table.name for table in tables.metadata().tables.values() if "account" in table.columns}
    assert {rows.table for rows in tables.of_accounts} == named


def test_every_table_has_a_bound() -> None:
    """The list has each table of the schema once, and nothing else."""
    section = PAGE.read_text("utf-8").partition("## Tables of the database")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall(r"`([a-z_]+)`", row[1])]
    assert sorted(listed) == sorted(TABLES)
    assert all(row[3].strip() for row in rows)
