"""The running chat: what a server starts, and the handlers of the delivery service's operations."""

import asyncio
from collections.abc import Mapping
from functools import partial

from parlour_server.app.running_program import Parts, RunningProgram
from parlour_server.chat.capability import ChatCapability
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.delivery.device_policy import publish_policy
from parlour_server.chat.delivery.device_registry import DeviceRegistry
from parlour_server.chat.delivery.key_log import KeyLog
from parlour_server.chat.delivery.key_packages import KeyPackageService
from parlour_server.chat.delivery.mls_groups import MlsGroups
from parlour_server.chat.delivery.room_removal import RoomRemoval
from parlour_server.chat.https.device_endpoints import DeviceEndpoints
from parlour_server.chat.https.group_endpoints import GroupEndpoints
from parlour_server.chat.https.large_json import LargeJson
from parlour_server.chat.metrics import CHAT_LIMITS, show_chat
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.settings import ChatSettings
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.accounts.reauthentication import Reauthentication
from parlour_server.core.errors import UnavailableError
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.signatures import SigningKey


async def start_chat(parts: Parts[ChatSettings, ChatStore]) -> RunningProgram[ChatSettings]:
    """Start the chat. Raises SetupError."""
    log_key = SigningKey.load(parts.folder.signing_key)
    large = LargeJson()
    parts.stack.callback(large.close)
    server, store, bus, clock, audit = parts.server, parts.store, parts.bus, parts.clock, parts.audit
    publish = partial(publish_policy, store.keylog, parts.hooks.device_policy, server, audit, clock)
    try:
        await publish()
    except UnavailableError:  # a full disk: the server starts all the same, and publishes when there is space
        parts.background.retry_until_done("publishing the policy for devices", publish, _nothing)
    chat = Chat(
        server=server,
        rates=parts.settings.rates,
        delivery=parts.settings.delivery,
        messages=parts.settings.messages,
        store=store,
        connected=parts.connected,
        limits=parts.limits,
        background=parts.background,
        bus=bus,
        clock=clock,
        steady=parts.steady,
        audit=audit,
        loop=asyncio.get_running_loop(),
        deliveries=parts.topics.deliveries,
    )
    endpoints = []
    for one in parts.spec.capabilities:
        if isinstance(one, ChatCapability):
            endpoints.append(one.join(parts, chat))
            parts.hits.counts.update(dict.fromkeys(one.limits, 0))
    parts.run(chat.positions.run())
    show_chat(parts.metrics, chat, store)
    parts.hits.counts.update(dict.fromkeys(CHAT_LIMITS, 0))
    parts.run(RoomRemoval(store.rooms, clock).run())

    def handlers(
        settings: ChatSettings, guard: RequestGuard, reauthentication: Reauthentication
    ) -> Mapping[str, Handler]:
        budgets = DeliveryBudgets(settings.rates, settings.files, clock, parts.nodes, parts.hits)
        commands = Commands(
            server=server,
            log=store.log,
            bus=bus,
            clock=clock,
            audit=audit,
            incarnation=store.incarnation,
            messages=settings.messages,
        )
        devices = DeviceRegistry(store.devices, reauthentication, bus, clock, audit, budgets, server=server)
        packages = KeyPackageService(store, bus, clock, audit, budgets)
        groups = MlsGroups(store.groups, commands, clock, audit, budgets)
        key_log = KeyLog(store.keylog, log_key, server=server)
        made = {
            **DeviceEndpoints(guard, devices, packages, budgets, large).handlers,
            **GroupEndpoints(guard, groups, key_log, budgets, large).handlers,
        }
        for make in endpoints:
            made |= make(settings, guard, budgets) if make else {}
        return made

    return RunningProgram(chat, handlers)


def _nothing() -> None:
    """Do nothing: what failed is in the log."""
