"""Publishes what people's own devices should do with what they write in encrypted rooms.

It is in the key log, whose head its key signs: everyone sees the same. Without a policy the one before it
ends, because devices would follow it for ever.
"""

from typing import Final

from parlour_protocol.identity.key_log import NO_POLICY
from parlour_protocol.limits import CERTIFICATE_BYTES
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.tables.key_log import KeyLogStore
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.content_filter import DevicePolicy
from parlour_server.core.errors import SetupError

_MOST: Final = CERTIFICATE_BYTES.value - 64
"""Bytes: with the rest it must fit into an entry of the key log, which every client keeps for ever."""


async def publish_policy(log: KeyLogStore, policy: DevicePolicy | None, audit: Audit, clock: Clock) -> None:
    """Publish the policy if it has changed. Raises SetupError for one that is too large."""
    if policy is not None and len(policy.data) > _MOST:
        raise SetupError(
            f"{policy.setting}: the policy has {len(policy.data)} bytes, but an entry has {_MOST}: "
            "shorten the word list, or turn it off for encrypted rooms"
        )
    data = NO_POLICY if policy is None else policy.data
    if await log.publish_policy(clock.now(), data, is_empty=policy is None):
        rules, words = ("none", 0) if policy is None else (policy.about, policy.words)
        audit.record(DeliveryEvent.POLICY_PUBLISHED, rules=rules, words=words)
