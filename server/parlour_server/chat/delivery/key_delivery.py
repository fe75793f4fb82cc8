"""The delivery of keys, with one way in: devices, key packages, groups, Welcomes and the key log.

It is no capability, although it is a part of its own: encrypted rooms stand on what it refuses (a device
without its key, a second commit of an epoch), so no server of the chat goes without it.
"""

from collections.abc import Mapping
from functools import partial

from parlour_server.app.parts import Parts
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.device_policy import publish_policy
from parlour_server.chat.delivery.device_registry import DeviceRegistry
from parlour_server.chat.delivery.https.device_endpoints import DeviceEndpoints
from parlour_server.chat.delivery.https.group_endpoints import GroupEndpoints
from parlour_server.chat.delivery.https.large_json import LargeJson
from parlour_server.chat.delivery.key_log import KeyLog
from parlour_server.chat.delivery.key_packages import KeyPackageService
from parlour_server.chat.delivery.mls_groups import MlsGroups
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.signatures import SigningKey


class KeyDelivery:
    """The delivery of keys. The server can open nothing that it delivers."""

    def __init__(self, parts: Parts[ChatSettings, ChatStore]) -> None:
        """Load the key of the key log. Raises SetupError."""
        self._parts = parts
        self._log_key = SigningKey.load(parts.folder.signing_key)
        self._large = LargeJson()
        parts.stack.callback(self._large.close)

    async def publish_policy(self) -> None:
        """Publish what the operator asks of people's devices, if it has changed. Raises SetupError."""
        parts = self._parts
        publish = partial(
            publish_policy,
            parts.store.keylog,
            parts.hooks.device_policy,
            parts.audit,
            parts.clock,
        )
        try:
            await publish()
        except UnavailableError:  # a full disk: the server starts, and publishes when there is space
            parts.background.retry_until_done("publishing the policy for devices", publish, _nothing)

    def handlers(
        self,
        guard: RequestGuard,
        reauthentication: Reauthentication,
        budgets: DeliveryBudgets,
        commands: Commands,
    ) -> Mapping[str, Handler]:
        """Return the handlers of its operations, by name."""
        store, bus, clock, audit = self._parts.store, self._parts.bus, self._parts.clock, self._parts.audit
        server = self._parts.server
        devices = DeviceRegistry(store.devices, reauthentication, bus, clock, audit, budgets, server=server)
        packages = KeyPackageService(store, bus, clock, audit, budgets)
        groups = MlsGroups(store.groups, commands, clock, audit, budgets)
        key_log = KeyLog(store.keylog, self._log_key, server=server)
        return {
            **DeviceEndpoints(guard, devices, packages, budgets, self._large).handlers,
            **GroupEndpoints(guard, groups, key_log, budgets, self._large).handlers,
        }


def _nothing() -> None:
    """Do nothing: what failed is in the log."""
