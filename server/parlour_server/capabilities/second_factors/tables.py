"""The tables of second factors. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table

from parlour_server.core.store.tables import KEYED, NAMING, Flag, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

second_factors: Final = Table(
    "second_factors",
    metadata,
    Column("factor", Words, primary_key=True),
    key("account", accounts.c.account, index=True),
    Column("kind", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("created", Number, nullable=False),
    Column("last_used", Number),
    # of TOTP its secret, of a security key its public key
    Column("secret", LargeBinary, nullable=False),
    Column("counter", Number, nullable=False),
    Column("active", Flag, nullable=False),
    # of one that is being set up
    Column("session", Words),
    Column("expires", Number),
    **KEYED,
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    key("account", accounts.c.account, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    **KEYED,
)

factor_challenges: Final = Table(
    "factor_challenges",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    key("account", accounts.c.account, index=True),
    Column("device", Words, nullable=False),
    Column("session", Words),
    # of the password that was right when it was given
    Column("password_version", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    # of the session or the address that asked
    Column("source", Words, nullable=False),
    **KEYED,
)
