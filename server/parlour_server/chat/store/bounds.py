"""What bounds each table of the chat, in a few words, for `disk show`; docs/reference/growth.md says more."""

from collections.abc import Mapping
from typing import Final

CHAT_BOUNDS: Final[Mapping[str, str]] = {
    "account_keys": "one for each account",
    "bans": "pruned after they ended",
    "blocks": "1,000 for each account",
    "contests": "500 for each current group",
    "devices": "16 for each account, and revoked ones",
    "epochs": "rates.commits_per_minute",
    "entries": "messages.keep_days, a room's retention, messages.room_bytes",
    "group_devices": "500 for each current group",
    "groups": "rates.commits_per_minute",
    "inbox": "gone when the device fetched it",
    "invitations": "50 for each account, for 14 days",
    "key_log": "rates.key_changes_per_hour",
    "key_packages": "50 for each device",
    "members": "200 for each person",
    "mutes": "pruned after they ended",
    "pins": "50 for each room",
    "reactions": "24 kinds for each message; gone with it",
    "retention": "one row",
    "rooms": "200 for each person",
    "welcomes": "gone when the device fetched it",
}
