"""The findings of `doctor` about ACME: why the server gets no certificates from its CA."""

from parlour_server.app.finding import Finding
from parlour_server.capabilities.acme.failures import Failures
from parlour_server.capabilities.acme.request import refuse_incomplete
from parlour_server.capabilities.acme.settings import AcmeSettings
from parlour_server.core.config.server_settings import Settings, section
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.store.engine.connection import Engine
from parlour_server.host.setup.certificates import read_certificate


def examine(folder: DataFolder, settings: Settings | None, _engine: Engine | None) -> list[Finding]:
    """Return the findings. Nothing is said of a server that asks no CA."""
    if settings is None or not (acme := section(settings, AcmeSettings)).directory:
        return []
    try:
        refuse_incomplete(folder, settings)
        failures = Failures.read(folder, read_certificate(folder.certificate))
    except SetupError as error:
        return [Finding("advice", "acme", str(error))]
    if failures.count:
        text = f"the last request failed ({failures.count} in a row): {failures.why}"
        return [Finding("advice", "acme", text)]
    return [Finding("fine", "acme", f"certificates come from {acme.directory}")]
