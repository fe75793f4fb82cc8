"""A program's operations and their handlers: what does not fit together is refused before a server starts."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, cast

import httpx
import pytest
from starlette.responses import Response

from parlour_protocol.kit.api import Login
from parlour_protocol.kit.errors import ProgramError
from parlour_protocol.kit.payload import Payload
from parlour_server.core.accounts.request_rates import RequestRates
from parlour_server.core.clock import SystemClock
from parlour_server.core.errors import EnrolmentRequiredError, SessionRefusedError
from parlour_server.core.https.asgi import make_api
from parlour_server.core.https.operations import KIT_OPERATIONS, Operation, Operations
from parlour_server.core.https.problems import Problems
from parlour_server.core.https.request_body import BodyPace
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.quotas import Quotas


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
    make_api(operations, all_handlers, nothing, Problems(), nothing, nothing)
    for handlers in (all_handlers | {"refund": handle}, all_handlers | {"order": handle, "log": handle}):
        with pytest.raises(ProgramError, match=r"differ: (refund|log)"):
            make_api(operations, handlers, nothing, Problems(), nothing, nothing)
    del all_handlers["order"]
    with pytest.raises(ProgramError, match="differ: order"):
        make_api(operations, all_handlers, nothing, Problems(), nothing, nothing)


@dataclass
class OneSession:
    """Knows one bearer token."""

    token: str
    user: str = "ada"

    async def authenticate(self, token: Any, *, may_be_enrolling: bool) -> "OneSession":
        """Return the session, or refuse; it may only set up a second factor if the token begins with `e`."""
        if token is None or token.reveal() != self.token:
            raise SessionRefusedError
        if self.token.startswith("e") and not may_be_enrolling:
            raise EnrolmentRequiredError
        return self


async def test_an_operation_needs_a_session_unless_it_says_otherwise() -> None:
    """The handler does not ask for one, and does not have to."""
    operations = Operations([ORDER, replace(ORDER, name="menu", path="/v1/menu", takes=None, session=False)])
    handlers = {row.name: handle for row in operations.rows}
    rates = RequestRates(SystemClock(), Quotas(), "rate", per_minute=60, burst=60)
    sessions, nothing = cast("Any", OneSession("a" * 43)), cast("Any", None)
    guard = RequestGuard(sessions, BodyPace(5, 65_536), rates, operations)
    api = make_api(operations, handlers, guard, Problems(), rates, nothing)
    statuses = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="https://shop") as client:
        for path, token in (("orders", None), ("orders", "b" * 43), ("orders", "a" * 43), ("menu", None)):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            statuses.append((await client.post(f"/v1/{path}", headers=headers)).status_code)
    assert statuses == [401, 401, 200, 200]


async def test_an_operation_is_not_for_a_session_that_must_enrol_unless_it_says_so() -> None:
    """P29: the handler does not ask whether the account has a second factor, and does not have to."""
    setup = replace(ORDER, name="setup", path="/v1/setup", takes=None, while_enrolling=True)
    operations = Operations([ORDER, setup])
    rates = RequestRates(SystemClock(), Quotas(), "rate", per_minute=60, burst=60)
    guard = RequestGuard(cast("Any", OneSession("e" * 43)), BodyPace(5, 65_536), rates, operations)
    handlers = {row.name: handle for row in operations.rows}
    api = make_api(operations, handlers, guard, Problems(), rates, cast("Any", None))
    headers = {"Authorization": f"Bearer {'e' * 43}"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="https://shop") as client:
        refused = await client.post("/v1/orders", headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (403, "enrolment_required")
        assert (await client.post("/v1/setup", headers=headers)).status_code == 200


@dataclass(frozen=True)
class TwoSessions:
    """Knows a thief's token and the owner's, of one account."""

    async def authenticate(self, token: Any, *, may_be_enrolling: bool) -> "OneOfTwo":
        """Return the session."""
        del may_be_enrolling
        return OneOfTwo(token.reveal())


@dataclass(frozen=True)
class OneOfTwo:
    """A session of the account."""

    id: str
    user: str = "ada"


async def test_a_thief_does_not_use_up_the_requests_that_throw_them_out() -> None:
    """P34: what ends sessions and changes logins is counted for each session, all else for the account."""
    securing = [row.name for row in KIT_OPERATIONS if row.by_session]
    assert {"list_sessions", "end_session", "change_password"} <= {*securing}
    end = replace(ORDER, name="end", path="/v1/end", takes=None, by_session=True)
    operations = Operations([ORDER, end])
    by_account, by_address = (
        RequestRates(SystemClock(), Quotas(), "rate", per_minute=60, burst=burst) for burst in (5, 100)
    )
    guard = RequestGuard(cast("Any", TwoSessions()), BodyPace(5, 65_536), by_account, operations)
    handlers = {row.name: handle for row in operations.rows}
    api = make_api(operations, handlers, guard, Problems(), by_address, cast("Any", None))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="https://shop") as client:

        async def statuses(token: str, path: str, times: int = 10) -> set[int]:
            headers = {"Authorization": f"Bearer {token * 43}"}
            return {(await client.post(path, headers=headers)).status_code for _ in range(times)}

        assert await statuses("t", "/v1/orders") == {200, 429}
        assert await statuses("t", "/v1/end") == {200, 429}
        assert await statuses("o", "/v1/orders", 1) == {429}
        assert await statuses("o", "/v1/end", 1) == {200}
