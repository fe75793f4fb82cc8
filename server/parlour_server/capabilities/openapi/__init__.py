"""The server describes its HTTPS API itself: an OpenAPI document at `/v1/openapi.json`."""

from typing import TYPE_CHECKING, Any, Final

from parlour_server.app.capability import Capability
from parlour_server.app.hooks import Hooks

if TYPE_CHECKING:
    from parlour_server.app.parts import Parts
    from parlour_server.core.https.operations import Operation


def _operations() -> "tuple[Operation, ...]":
    from http import HTTPStatus  # noqa: PLC0415 - not for `--help`

    from parlour_server.core.https.operations import Operation  # noqa: PLC0415

    return (
        Operation("describe", "GET", "/v1/openapi.json", "Get this document.", HTTPStatus.OK, session=False),
    )


async def _start(parts: "Parts[Any, Any]", hooks: Hooks) -> None:
    from parlour_server.capabilities.openapi.endpoint import Description  # noqa: PLC0415 - not for commands

    hooks.handlers["describe"] = Description(parts.spec).describe


CAPABILITY: Final = Capability(name="openapi", start=_start, operations=_operations)
