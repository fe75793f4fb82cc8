"""ACME in a server: it answers the CA, renews in time, and says what is wrong."""

from typing import Any, Final

from parlour_server.app.capability import Served
from parlour_server.app.hooks import Serving
from parlour_server.app.parts import Parts
from parlour_server.capabilities.acme.endpoint import OPERATION, AcmeEndpoint
from parlour_server.capabilities.acme.files import answers_of
from parlour_server.capabilities.acme.findings import examine
from parlour_server.capabilities.acme.renewal import AcmeRenewal
from parlour_server.capabilities.acme.source import certificate_source


async def _start(parts: Parts[Any, Any]) -> None:
    renewal = AcmeRenewal(parts.folder, parts.settings, parts.clock)

    async def serve(_serving: Serving) -> None:
        parts.run(renewal.run())

    parts.hooks.handlers.append(lambda *_: AcmeEndpoint(answers_of(parts.folder)).handlers)
    parts.hooks.serving.append(serve)
    parts.hooks.reloaded.append(renewal.use)


SERVED: Final = Served(
    start=_start, operations=(OPERATION,), findings=examine, certificates=certificate_source
)
