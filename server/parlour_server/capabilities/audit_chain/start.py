"""Starts the chain of a server: continued before anything is recorded, closed after everything was."""

from typing import Final

from parlour_server.app.hooks import Opened
from parlour_server.app.metrics import Kind, Metric
from parlour_server.capabilities.audit_chain.check import audit_folder
from parlour_server.capabilities.audit_chain.files import AuditFile
from parlour_server.capabilities.audit_chain.head_publisher import HeadPublisher
from parlour_server.capabilities.audit_chain.settings import AuditSettings
from parlour_server.capabilities.audit_chain.store import AuditHeads
from parlour_server.core.config.server_settings import section
from parlour_server.core.errors import SetupError, UnavailableError
from parlour_server.core.signatures import SigningKey, make_signing_key

AUDIT_LOST: Final = Metric(
    "audit_lost",
    Kind.GAUGE,
    "Audit records that `audit/` lacks because it can't be written; 0 again once it says how many",
)


async def keep(opened: Opened) -> AuditFile:
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
    opened.metrics.number(AUDIT_LOST, lambda: file.lost)
    return file
