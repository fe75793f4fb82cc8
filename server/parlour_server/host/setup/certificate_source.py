"""The certificate of another CA that a server needs, for reports and for imports."""

from collections.abc import Iterable

from parlour_server.app.capability import Capability, served_by
from parlour_server.app.certificate_source import CertificateSource
from parlour_server.core.addresses import is_loopback
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.host.setup.certificate_chain import bare_name


def source_of(
    capabilities: Iterable[Capability], folder: DataFolder, settings: Settings
) -> CertificateSource:
    """Return the first that they bring."""
    for served in served_by(capabilities):
        if served.certificates is not None:
            return served.certificates(folder, settings)
    return CertificateSource(public_names(settings))


def public_names(settings: Settings) -> tuple[str, ...]:
    """Return the server's names but those of loopback, which no other CA signs."""
    bare = map(bare_name, settings.listen.names)
    return tuple(dict.fromkeys(name for name in bare if not is_loopback(name)))
