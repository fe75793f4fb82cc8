"""The table of limits. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

# what the operator allows an account instead of what the settings allow everyone
account_limits: Final = Table(
    "account_limits",
    metadata,
    key("account", accounts.c.account, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("value", Number, nullable=False),
    **KEYED,
)
