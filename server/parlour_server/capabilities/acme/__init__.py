"""Certificates of a public CA by ACME (RFC 8555), for the key that the server has.

`request.py` asks for one: it signs the request with the server's key, and checks what comes back. What speaks
with the CA is a process of its own (`child.py`, `order.py`, `network.py`), which never sees that key.
`answers.py` and `dns_hook.py` answer the CA's challenges, `renewal.py` renews in time while the server runs.
"""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks, Serving
from parlour_server.capabilities.acme.commands import cert
from parlour_server.capabilities.acme.files import ACCOUNT_KEY, answers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.certificate_source import CertificateSource
    from parlour_server.app.finding import Finding
    from parlour_server.app.parts import Parts
    from parlour_server.core.config.server_settings import Section, Settings
    from parlour_server.core.data_folder import DataFolder
    from parlour_server.core.https.operations import Operation
    from parlour_server.core.store.engine.connection import Engine


def _sections() -> "Mapping[str, type[Section]]":
    from parlour_server.capabilities.acme.settings import AcmeSettings  # noqa: PLC0415 - keeps `--help` quick

    return {"acme": AcmeSettings}


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.acme.endpoint import AcmeEndpoint  # noqa: PLC0415 - not for commands
    from parlour_server.capabilities.acme.renewal import AcmeRenewal  # noqa: PLC0415

    renewal = AcmeRenewal(parts.folder, parts.settings, parts.clock)

    async def serve(_serving: Serving) -> None:
        parts.run(renewal.run())

    hooks.handlers.update(AcmeEndpoint(answers_of(parts.folder)).handlers)
    hooks.serving.append(serve)
    hooks.reloaded.append(renewal.use)


def _operations() -> "tuple[Operation, ...]":
    from parlour_server.capabilities.acme.endpoint import OPERATION  # noqa: PLC0415 - keeps `--help` quick

    return (OPERATION,)


def _source(folder: "DataFolder", settings: "Settings") -> "CertificateSource":
    from parlour_server.capabilities.acme.source import certificate_source  # noqa: PLC0415 - keeps `--help` quick

    return certificate_source(folder, settings)


def _findings(folder: "DataFolder", settings: "Settings | None", _engine: "Engine | None") -> "list[Finding]":
    if settings is None:
        return []
    from parlour_server.capabilities.acme.findings import examine  # noqa: PLC0415 - keeps `--help` quick

    return examine(folder, settings)


CAPABILITY: Final = Capability(
    name="acme",
    start=_start,
    commands=(cert,),
    sections=_sections,
    operations=_operations,
    files=(ACCOUNT_KEY,),
    certificates=_source,
    findings=_findings,
)
