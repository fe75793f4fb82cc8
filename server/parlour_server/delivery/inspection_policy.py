"""Publishes what clients inspect in encrypted rooms: in the key log, whose head its key signs."""

from typing import Final

from parlour_protocol.identity import Head
from parlour_protocol.identity.inspection_policy import LOCAL, InspectionPolicy
from parlour_protocol.limits import CERTIFICATE_BYTES
from parlour_server.chat_audit import ChatAuditEvent
from parlour_server.chat_settings import ChatInspection
from parlour_server.kit.audit import Audit
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import SetupError
from parlour_server.kit.inspection.start import options_of, shipped_of
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.store.sql.e2ee.key_log import KeyLogStore

_MOST: Final = CERTIFICATE_BYTES.value - 64
"""Bytes: with the rest it must fit into an entry of the key log, which every client keeps for ever."""


async def publish_policy(
    log: KeyLogStore, settings: ChatInspection, folder: DataFolder, server: str, audit: Audit, clock: Clock
) -> None:
    """Publish the policy if it has changed. Raises SetupError for one that is too large."""
    policy = policy_of(settings, folder)
    data = policy.to_bytes()
    if len(data) > _MOST:
        raise SetupError(
            f"inspection.encrypted_rooms: the policy has {len(data)} bytes, but an entry has {_MOST}: "
            "shorten the word list, or turn it off for encrypted rooms"
        )
    start = Head.empty(server)
    if await log.publish_policy(clock.now(), data, start, is_empty=not policy.rules):
        rules = ", ".join(f"{name}={action.value}" for name, action in policy.rules)
        audit.record(ChatAuditEvent.POLICY_PUBLISHED, rules=rules or "none", words=len(policy.words))


def policy_of(settings: ChatInspection, folder: DataFolder) -> InspectionPolicy:
    """Return the policy of these settings; empty if encrypted rooms are left alone. Raises SetupError."""
    if settings.encrypted_rooms == "off":
        return InspectionPolicy()
    rules = tuple((name, action) for name, action in shipped_of(settings) if name in LOCAL)
    if not rules:
        return InspectionPolicy()
    options = options_of(settings, folder)
    names = {name for name, _ in rules}
    return InspectionPolicy(
        rules,
        options.words.entries if "words" in names else (),
        tuple(sorted(options.refused_files)) if "files" in names else (),
        options.text_bytes if "size" in names else 0,
        options.file_bytes if "size" in names else 0,
    )
