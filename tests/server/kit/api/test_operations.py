"""A program's operations and their handlers: what does not fit together is refused before a server starts."""

from dataclasses import replace
from http import HTTPStatus
from typing import Any, cast

import pytest
from starlette.responses import Response

from parlour_protocol.kit.api import Login, Payload
from parlour_protocol.kit.errors import ProgramError
from parlour_server.kit.api.asgi import make_api
from parlour_server.kit.api.operations import KIT_OPERATIONS, Operation, Operations
from parlour_server.kit.api.problems import Problems


class Order(Payload, frozen=True):
    """What a shop takes."""

    what: int


ORDER = Operation("order", "POST", "/v1/orders", "Order something.", HTTPStatus.NO_CONTENT, takes=Order)


async def handle(_request: object) -> Response:
    """Handle nothing."""
    return Response()


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ((ORDER, replace(ORDER, name="more", takes=None)), "path 'POST /v1/orders'"),
        ((ORDER, replace(ORDER, path="/v1/more", takes=None)), "name 'order'"),
        ((replace(ORDER, path="/v1/sessions", takes=None),), "path 'POST /v1/sessions'"),
        ((replace(ORDER, takes=Login),), "body 'Login'"),
    ],
)
def test_two_operations_of_one_kind_are_refused(own: tuple[Operation, ...], sentence: str) -> None:
    """Neither may take the other's place, least of all the kit's."""
    with pytest.raises(ProgramError, match=sentence):
        Operations(own)


def test_every_operation_has_a_handler_and_every_handler_an_operation() -> None:
    """A handler that no one routes to, or a route without one, is a mistake."""
    operations = Operations([ORDER])
    all_handlers = {row.name: handle for row in (*KIT_OPERATIONS, ORDER)}
    nothing = cast("Any", None)
    make_api(operations, all_handlers, Problems(), nothing, nothing)
    for handlers in (all_handlers | {"refund": handle}, all_handlers | {"order": handle, "log": handle}):
        with pytest.raises(ProgramError, match=r"differ: (refund|log)"):
            make_api(operations, handlers, Problems(), nothing, nothing)
    del all_handlers["order"]
    with pytest.raises(ProgramError, match="differ: order"):
        make_api(operations, all_handlers, Problems(), nothing, nothing)
