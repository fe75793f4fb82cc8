"""The chain in a server: continued before anything is recorded, closed after everything was."""

from collections.abc import Sequence
from typing import Final

from parlour_server.app.capability import Served
from parlour_server.app.hooks import Opened
from parlour_server.app.metrics import Kind, Metric
from parlour_server.capabilities.audit_chain.check import audit_folder
from parlour_server.capabilities.audit_chain.files import AuditFile
from parlour_server.capabilities.audit_chain.findings import examine_audit_log
from parlour_server.capabilities.audit_chain.head_publisher import HeadPublisher
from parlour_server.capabilities.audit_chain.settings import AuditSettings
from parlour_server.capabilities.audit_chain.store import AuditHeads
from parlour_server.core.config.server_settings import section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError, UnavailableError
from parlour_server.core.signatures import SigningKey, make_signing_key

_LOST: Final = Metric(
    "audit_lost",
    Kind.GAUGE,
    "Audit records that `audit/` lacks because it can't be written; 0 again once it says how many",
)


async def _prepare(opened: Opened) -> None:
    """Continue the server's audit log, and publish its heads. Raises SetupError."""
    settings, heads = section(opened.settings, AuditSettings), AuditHeads(opened.store)
    key_file = opened.folder.signing_key
    make_signing_key(key_file)
    try:
        known = await heads.all()
    except UnavailableError as error:
        raise SetupError(str(error)) from error
    key = SigningKey.load(key_file)
    file = AuditFile(
        audit_folder(opened.folder), key, known, file_bytes=settings.file_bytes, most_files=settings.files
    )
    publisher = HeadPublisher(file, heads, settings, opened.clock)
    opened.last.push_async_callback(publisher.close)
    opened.run(publisher.run())
    if settings.head_command:
        opened.run(publisher.run_command())
    opened.metrics.number(_LOST, lambda: file.lost)
    opened.hooks.keepers.append(file)


def _make(folder: DataFolder) -> Sequence[str]:
    return ["key of the audit log"] if make_signing_key(folder.signing_key) else []


SERVED: Final = Served(prepare=_prepare, make=_make, findings=examine_audit_log, metrics=(_LOST,))
