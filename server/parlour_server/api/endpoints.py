"""What happens behind each row of the table of operations: the endpoint classes, found by the row's name."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from parlour_server.api.account_endpoints import AccountEndpoints
from parlour_server.api.device_endpoints import DeviceEndpoints
from parlour_server.api.file_endpoints import FileEndpoints
from parlour_server.api.group_endpoints import GroupEndpoints
from parlour_server.api.health_endpoints import HealthEndpoints

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """All of them, by what they are about."""

    accounts: AccountEndpoints
    devices: DeviceEndpoints
    groups: GroupEndpoints
    files: FileEndpoints
    service: HealthEndpoints

    def handler(self, name: str) -> Handler:
        """Return what answers the operation of this name. Raises LookupError for a row without code."""
        for topic in (self.accounts, self.devices, self.groups, self.files, self.service):
            found: Handler | None = getattr(topic, name, None)
            if found is not None:
                return found
        raise LookupError(f"no endpoint is called {name}")
