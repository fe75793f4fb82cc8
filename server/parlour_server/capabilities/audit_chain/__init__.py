"""The audit log as a hash chain: its records survive a crash, and can't be changed unnoticed (M7, M30)."""

from typing import Final

from parlour_server.app.capability import Capability, Sections, Served
from parlour_server.capabilities.audit_chain.commands import audit
from parlour_server.core.store.table_facts import Metadata, Tables


def _served() -> Served:
    from parlour_server.capabilities.audit_chain.served import SERVED  # noqa: PLC0415 - not for commands

    return SERVED


def _settings() -> Sections:
    from parlour_server.capabilities.audit_chain.settings import AuditSettings  # noqa: PLC0415 - not for `--help`

    return {"audit": AuditSettings}


def _tables() -> Metadata:
    from parlour_server.capabilities.audit_chain.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


CAPABILITY: Final = Capability(
    name="audit_chain",
    served=_served,
    settings=_settings,
    commands=(audit,),
    tables=Tables(metadata=_tables, bounds={"audit_heads": "one for each data folder"}),
    folders={"audit": "audit.files files of audit.file_bytes"},
)
