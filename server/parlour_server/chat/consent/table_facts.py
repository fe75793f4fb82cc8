"""The facts about these tables that a server needs without loading SQLAlchemy."""

from typing import Final

from parlour_server.core.store.table_facts import Metadata, Tables


def _metadata() -> Metadata:
    from parlour_server.chat.consent.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CONSENT_TABLES: Final = Tables(
    metadata=_metadata,
    bounds={
        "blocks": "1,000 for each account",
        "invitations": "50 for each account, for 14 days",
    },
)
