"""The endpoints of a room's group, of the Welcomes that wait for a device, and of the key log.

Each method reads the request, calls one service of `delivery`, and answers. Which commit wins, and who may
make one, is decided when it is appended to the room's log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.delivery import Commit, Contest, CreateGroup
from parlour_protocol.ids import RoomId, WelcomeId
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.https.large_json import LargeJson
from parlour_server.chat.delivery.https.request_parts import device_in, id_in, number_in
from parlour_server.chat.delivery.key_log import KeyLog
from parlour_server.chat.delivery.mls_groups import MlsGroups
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import RequestRefusedError, answer, nothing
from parlour_server.core.https.request_guard import RequestGuard, session_of


@dataclass(frozen=True, slots=True)
class GroupEndpoints:
    """Groups, Welcomes and the key log."""

    guard: RequestGuard
    groups: MlsGroups
    key_log: KeyLog
    budgets: DeliveryBudgets
    large: LargeJson

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "read_key_log": self.read_key_log,
            "group_state": self.group_state,
            "found_group": self.create_group,
            "commit_to_group": self.commit_to_group,
            "contest_commit": self.contest_commit,
            "list_welcomes": self.list_welcomes,
            "drop_welcome": self.drop_welcome,
        }

    async def group_state(self, request: Request) -> Response:
        """Return the state of the group: 200."""
        session = session_of(request)
        return answer(await self.groups.state(session, RoomId(id_in(request))))

    async def create_group(self, request: Request) -> Response:
        """Create the group: 201."""
        session = session_of(request)
        room = RoomId(id_in(request))
        body = await self.guard.body(request, CreateGroup)
        return answer(await self.groups.create(session, room, body), HTTPStatus.CREATED)

    async def commit_to_group(self, request: Request) -> Response:
        """Advance the group to its next epoch: 201."""
        session = session_of(request)
        room = RoomId(id_in(request))
        self.groups.check_may_commit(session)
        with self.budgets.large_json(session.user, self.guard.size(request, Commit)):
            body = await self.large.body(self.guard, request, Commit, session.user)
        return answer(await self.groups.commit(session, room, body), HTTPStatus.CREATED)

    async def contest_commit(self, request: Request) -> Response:
        """Record that a device cannot apply a commit: 201."""
        session = session_of(request)
        room = RoomId(id_in(request))
        body = await self.guard.body(request, Contest)
        return answer(await self.groups.contest(session, room, body), HTTPStatus.CREATED)

    async def list_welcomes(self, request: Request) -> Response:
        """Return the device's Welcomes: 200."""
        session = session_of(request)
        found = await self.groups.welcomes(session, device_in(request))
        return await self.large.answer(session.user, found)

    async def drop_welcome(self, request: Request) -> Response:
        """Delete a Welcome that was used: 204."""
        session = session_of(request)
        if not await self.groups.drop_welcome(session, WelcomeId(id_in(request))):
            raise RequestRefusedError(HTTPStatus.NOT_FOUND, "not_found", "Your device has no such Welcome.")
        return nothing()

    async def read_key_log(self, request: Request) -> Response:
        """Return a page of the key log: 200."""
        return answer(await self.key_log.page(number_in(request, "after")))
