"""`doctor`: what the check of every record finds."""

from collections.abc import Iterable
from contextlib import closing

from parlour_server.app.finding import Finding
from parlour_server.capabilities.audit_chain.check import audit_folders, check_audit_log, own_keys
from parlour_server.capabilities.audit_chain.store import read_heads
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine


def examine_audit_log(
    folder: DataFolder, _settings: Settings | None, engine: Engine | None
) -> Iterable[Finding]:
    """Check every record of the audit log."""
    if engine is None:
        return []
    try:
        with closing(engine.connect_reader()) as db:
            known = read_heads(db)
        report = check_audit_log(audit_folders(folder), own_keys(folder), known)
    except engine.failures:
        return []  # the finding about the database reports it
    except (SetupError, OSError) as error:
        return [Finding("danger", "audit log", str(error))]
    if not report.faults:
        records = sum(chain.head.size - chain.first + 1 for chain in report.chains if chain.head is not None)
        return [Finding("fine", "audit log", f"{records} records, none of them changed")]
    more = f" ({len(report.faults)} in all; `audit verify` shows them)" if len(report.faults) > 1 else ""
    return [Finding("danger", "audit log", f"{report.faults[0]}{more}")]
