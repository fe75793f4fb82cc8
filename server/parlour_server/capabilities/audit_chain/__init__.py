"""The audit log as a hash chain: its records survive a crash, and can't be changed unnoticed (M7, M30)."""

from typing import TYPE_CHECKING, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks, Opened
from parlour_server.capabilities.audit_chain.commands import audit
from parlour_server.core.store.table_facts import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import MetaData

    from parlour_server.app.finding import Finding
    from parlour_server.app.metrics import Metric
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.store.engine.connection import Engine


def _tables() -> "MetaData":
    from parlour_server.capabilities.audit_chain.tables import metadata  # noqa: PLC0415 - loads SQLAlchemy

    return metadata


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.audit_chain.settings import AuditSettings  # noqa: PLC0415 - not for `--help`

    return {"audit": AuditSettings}


def _metrics() -> "tuple[Metric, ...]":
    from parlour_server.capabilities.audit_chain.start import AUDIT_LOST  # noqa: PLC0415 - not for `--help`

    return (AUDIT_LOST,)


def _findings(
    folder: "DataFolder", _settings: "Settings | None", engine: "Engine | None"
) -> "Iterable[Finding]":
    if engine is None:
        return ()
    from parlour_server.capabilities.audit_chain.findings import examine_audit_log  # noqa: PLC0415 - not for `--help`

    return examine_audit_log(folder, engine)


def _make(folder: "DataFolder") -> list[str]:
    from parlour_server.core.signatures import make_signing_key  # noqa: PLC0415 - not for other commands

    return ["key of the audit log"] if make_signing_key(folder.signing_key) else []


async def _prepare(opened: Opened, hooks: Hooks) -> None:
    from parlour_server.capabilities.audit_chain.start import keep  # noqa: PLC0415 - not for commands

    hooks.keepers.append(await keep(opened))


CAPABILITY: Final = Capability(
    name="audit_chain",
    make=_make,
    prepare=_prepare,
    commands=(audit,),
    tables=Tables(metadata=_tables, bounds={"audit_heads": "one for each data folder"}),
    sections=_sections,
    findings=_findings,
    metrics=_metrics,
    folders={"audit": "audit.files files of audit.file_bytes"},
)
