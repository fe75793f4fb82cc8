"""Shared by all tables: the metadata, the names of constraints, and column types.

No tables are defined here.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: Final = MetaData(naming_convention=NAMING)

# STRICT: SQLite refuses a value of another type. Without a rowid a table is one B-tree in order of its key.
PLAIN: Final[dict[str, Any]] = {"sqlite_strict": True}
KEYED: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}

Number: Final = BigInteger().with_variant(Integer(), "sqlite")  # 64 bits in both; SQLite's INTEGER has them

Flag: Final = Integer()  # 0 or 1: STRICT knows no BOOLEAN

Words: Final = Text().with_variant(
    Text(collation="C"), "postgresql"
)  # in the order of their bytes, as in SQLite


def key(name: str, target: str, **options: Any) -> Column[str]:
    """Return a text column that refers to another table's key."""
    return Column(name, Words, ForeignKey(target), nullable=False, **options)
