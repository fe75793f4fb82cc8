"""What asks another CA for the server's certificate: a capability, for reports and for imports of others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from parlour_server.app.capability import Capability
from parlour_server.core.addresses import is_loopback
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificate_chain import bare_name


@dataclass(frozen=True, slots=True)
class CertificateSource:
    """How a server gets certificates of another CA than its own."""

    names: tuple[str, ...]
    """Those that a certificate must have."""
    renewed_by: str = ""
    """Who asks which CA, in a few words; empty while no one does."""
    facts: Callable[[], Mapping[str, Any]] = dict
    """While someone does: when the next one is ``due``, ``failures`` in a row, ``last_failure``."""


def source_of(
    capabilities: Iterable[Capability], folder: DataFolder, settings: Settings
) -> CertificateSource:
    """Return the first that they bring."""
    for one in capabilities:
        if one.certificates is not None:
            return one.certificates(folder, settings)
    return CertificateSource(public_names(settings))


def public_names(settings: Settings) -> tuple[str, ...]:
    """Return the server's names but those of loopback, which no other CA signs."""
    bare = map(bare_name, settings.listen.names)
    return tuple(dict.fromkeys(name for name in bare if not is_loopback(name)))
