"""The names that the certificate must have, when it is due, and how `cert show` says so."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from parlour_server.app.certificate_source import CertificateSource
from parlour_server.capabilities.acme.failures import Failures
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.core.clock import utc_text
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificate_chain import bare_name
from parlour_server.host.setup.certificate_source import public_names
from parlour_server.host.setup.certificates import is_own, read_certificate


def wanted_names(settings: Settings) -> tuple[str, ...]:
    """Return the names that the certificate must have: those chosen, or the server's public ones."""
    chosen = section(settings, AcmeSettings).names
    return tuple(dict.fromkeys(map(bare_name, chosen))) if chosen else public_names(settings)


def due_at(leaf: x509.Certificate) -> datetime:
    """Return when to renew a certificate: with a third of its life left, or up to a tenth of that earlier.

    Its fingerprint decides, so that servers whose certificates are of one day don't all come back on one day.
    """
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    spread = int.from_bytes(leaf.fingerprint(hashes.SHA256())[:4], "big") / 2**32
    return leaf.not_valid_after_utc - life / 3 - life / 30 * spread


def certificate_source(folder: DataFolder, settings: Settings) -> CertificateSource:
    """Return what is known of the CA, for reports and imports."""
    names, directory = wanted_names(settings), section(settings, AcmeSettings).directory
    if not directory:
        return CertificateSource(names)
    return CertificateSource(names, f"this server, by ACME from {directory}", partial(_facts, folder))


def _facts(folder: DataFolder) -> Mapping[str, Any]:
    leaf = read_certificate(folder.certificate)
    failures = Failures.read(folder, leaf)
    due = datetime.now(UTC) if is_own(folder, leaf) else due_at(leaf)
    retry = datetime.fromtimestamp(failures.retry_at / 1000, UTC) if failures.count else due
    return {"due": utc_text(max(due, retry)), "failures": failures.count, "last_failure": failures.why}
