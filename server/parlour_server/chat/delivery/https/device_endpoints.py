"""The endpoints of devices and their key packages.

Each method reads the request, calls one service of `delivery`, and answers. The rules about keys are there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from parlour_protocol.delivery import (
    AccountKey,
    CertifyDevice,
    ClaimKeyPackages,
    KeyPackages,
    RegisterDevice,
    RevokeDevice,
)
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.device_registry import DeviceRegistry
from parlour_server.chat.delivery.https.large_json import LargeJson
from parlour_server.chat.delivery.https.request_parts import device_in
from parlour_server.chat.delivery.key_packages import KeyPackageService
from parlour_server.core.errors import LoginRefusedError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.problems import answer, nothing, wrong_proof
from parlour_server.core.https.request_body import address_of
from parlour_server.core.https.request_guard import RequestGuard, session_of


@dataclass(frozen=True, slots=True)
class DeviceEndpoints:
    """Account keys, devices, key packages."""

    guard: RequestGuard
    devices: DeviceRegistry
    packages: KeyPackageService
    budgets: DeliveryBudgets
    large: LargeJson

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The handlers of these operations, by their names."""
        return {
            "set_account_key": self.set_account_key,
            "register_device": self.register_device,
            "list_devices": self.list_devices,
            "certify_device": self.certify_device,
            "revoke_device": self.revoke_device,
            "put_key_packages": self.put_key_packages,
            "claim_key_packages": self.claim_key_packages,
        }

    async def set_account_key(self, request: Request) -> Response:
        """Publish or replace the account's key: 204."""
        session = session_of(request)
        body = await self.guard.body(request, AccountKey)
        try:
            await self.devices.set_account_key(session, body, address=address_of(request))
        except LoginRefusedError:
            raise wrong_proof(body.factor) from None
        return nothing()

    async def register_device(self, request: Request) -> Response:
        """Bind the session to a device: 201."""
        session = session_of(request)
        body = await self.guard.body(request, RegisterDevice)
        return answer(await self.devices.register(session, body), HTTPStatus.CREATED)

    async def list_devices(self, request: Request) -> Response:
        """List the account's devices: 200."""
        return answer(await self.devices.list(session_of(request)))

    async def certify_device(self, request: Request) -> Response:
        """Approve a device: 204."""
        session = session_of(request)
        device = device_in(request)
        await self.devices.certify(session, device, await self.guard.body(request, CertifyDevice))
        return nothing()

    async def revoke_device(self, request: Request) -> Response:
        """Revoke a device: 204."""
        session = session_of(request)
        device = device_in(request)
        await self.devices.revoke(session, device, await self.guard.body(request, RevokeDevice))
        return nothing()

    async def put_key_packages(self, request: Request) -> Response:
        """Store key packages: 204."""
        session = session_of(request)
        device = device_in(request)
        with self.budgets.large_json(session.user, self.guard.size(request, KeyPackages)):
            body = await self.large.body(self.guard, request, KeyPackages, session.user)
        await self.packages.put(session, device, body)
        return nothing()

    async def claim_key_packages(self, request: Request) -> Response:
        """Return key packages: 200."""
        session = session_of(request)
        return answer(await self.packages.claim(session, await self.guard.body(request, ClaimKeyPackages)))
