"""The tables of company logins. Never imported by a running server."""

from typing import Final

from sqlalchemy import Column, LargeBinary, MetaData, Table, UniqueConstraint

from parlour_server.core.store.tables import KEYED, NAMING, Number, Words, accounts, key

metadata: Final = MetaData(naming_convention=NAMING)

oidc_accounts: Final = Table(
    "oidc_accounts",
    metadata,
    key("account", accounts.c.account, primary_key=True),
    Column("issuer", Words, nullable=False),
    Column("subject", Words, nullable=False),
    # sealed; none while nothing of the account is checked
    Column("refresh", LargeBinary),
    # of the ID token of the last login
    Column("id_token", LargeBinary),
    Column("checked", Number, nullable=False),
    Column("due", Number, nullable=False, index=True),
    UniqueConstraint("issuer", "subject"),
    **KEYED,
)

oidc_logins: Final = Table(
    "oidc_logins",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    # sealed: what the provider must be asked with
    Column("sealed", LargeBinary, nullable=False),
    Column("device", Words, nullable=False),
    Column("public_key", LargeBinary),
    # of the address that began it
    Column("source", Words, nullable=False),
    Column("began", Number, nullable=False),
    Column("wait", Number, nullable=False),
    Column("next_poll", Number, nullable=False),
    Column("expires", Number, nullable=False, index=True),
    **KEYED,
)
