"""D24: what people's own devices should do in encrypted rooms is an entry of the key log."""

import pytest
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.identity import PolicyEntry
from parlour_protocol.identity.key_log import NO_POLICY, POLICY_PREFIX, decode_entry
from parlour_server.chat.delivery.audit_events import DeliveryEvent
from parlour_server.chat.delivery.device_policy import publish_policy
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.core.content_filter import DevicePolicy
from parlour_server.core.errors import SetupError

SETTING = "inspection.encrypted_rooms"
ON = DevicePolicy(b"look for cards", SETTING, "cards=block", 0)
OTHER = DevicePolicy(b"look for words", SETTING, "words=flag", 2)


async def test_each_change_is_one_entry(store: ChatStore) -> None:
    """Nothing for a server that never had one; starting again adds nothing; its end is an entry, too."""
    clock, audit = StoppedClock(), ReadableAudit()
    sizes = []
    for policy in (None, ON, ON, OTHER, None, None):
        await publish_policy(store.keylog, policy, audit, clock)
        entries, _ = await store.keylog.page(after=0, limit=9)
        sizes.append(len(entries))
    assert sizes == [0, 1, 1, 2, 3, 3]
    assert all(bytes(entry).startswith(POLICY_PREFIX) for entry in entries)
    read = [decode_entry(bytes(entry)) for entry in entries]
    assert [one.policy for one in read if isinstance(one, PolicyEntry)] == [ON.data, OTHER.data, NO_POLICY]
    assert audit.kinds() == [DeliveryEvent.POLICY_PUBLISHED] * 3
    shown = [(fields["rules"], fields["words"]) for _, fields in audit.events]
    assert shown == [("cards=block", 0), ("words=flag", 2), ("none", 0)]


async def test_a_policy_that_does_not_fit_is_refused(store: ChatStore) -> None:
    """The server says so at its start; every client keeps the log for ever."""
    large = DevicePolicy(bytes(9_000), SETTING, "words=flag", 300)
    with pytest.raises(SetupError, match=rf"{SETTING}: the policy has 9000 bytes.* shorten the word list"):
        await publish_policy(store.keylog, large, ReadableAudit(), StoppedClock())
