"""The chat's own metrics, besides those of every server."""

from typing import Final

from parlour_server.app.metrics import Kind, Metric, Metrics, Scope
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.store.chat_store import ChatStore

CHAT_LIMITS: Final = (
    "rates.invites_per_hour",
    "rates.rooms_per_hour",
    "rates.key_changes_per_hour",
    "rates.claims_per_hour",
    "rates.claims_per_person_per_hour",
    "rates.claims_of_person_per_hour",
    "rates.commits_per_minute",
    "rates.commit_bytes_per_hour",
    "files.uploads_per_user",
)
"""Settings of the chat whose limits it counts refusals of."""

_DATABASE: Final = Scope.DATABASE
_SHARED: Final = "PostgreSQL"

MESSAGES: Final = Metric(
    "messages_total",
    Kind.COUNTER,
    "Messages stored by this server, by whether their room is encrypted",
    ("encrypted",),
)
LIVE_ROOMS: Final = Metric("live_rooms", Kind.GAUGE, "Rooms with someone connected to this server")
ROOMS: Final = Metric("rooms", Kind.GAUGE, "Rooms, direct ones too", scope=_DATABASE)
GROUPS: Final = Metric(
    "encrypted_groups", Kind.GAUGE, "Encrypted rooms whose MLS group exists", scope=_DATABASE
)
DEVICES: Final = Metric("devices", Kind.GAUGE, "Devices with keys that are not revoked", scope=_DATABASE)
ROOM_EVENTS: Final = Metric(
    "room_events", Kind.GAUGE, "Events that rooms have had, messages among them", scope=_DATABASE
)
POSITION_CHECKS: Final = Metric(
    "position_checks_total", Kind.COUNTER, "Comparisons of rooms' positions with the database", needs=_SHARED
)
ROOMS_BEHIND: Final = Metric(
    "rooms_behind_total", Kind.COUNTER, "Rooms that a position check found behind", needs=_SHARED
)
GAPS_FILLED: Final = Metric("gaps_filled_total", Kind.COUNTER, "Gaps in rooms' events filled from the store")

CHAT_METRICS: Final = (
    MESSAGES,
    LIVE_ROOMS,
    ROOMS,
    GROUPS,
    DEVICES,
    ROOM_EVENTS,
    GAPS_FILLED,
    POSITION_CHECKS,
    ROOMS_BEHIND,
)


def show_chat(metrics: Metrics, chat: Chat, store: ChatStore) -> None:
    """Show the chat's numbers."""
    messages, positions = chat.messages, chat.positions
    metrics.numbers(MESSAGES, lambda: {("no",): messages.open, ("yes",): messages.encrypted})
    metrics.number(LIVE_ROOMS, lambda: chat.live_rooms)
    metrics.number(GAPS_FILLED, lambda: chat.gaps_filled)
    if store.is_shared:
        metrics.number(POSITION_CHECKS, lambda: positions.done)
        metrics.number(ROOMS_BEHIND, lambda: positions.behind)
    metrics.rows(store.count_chat_rows, ROOMS, GROUPS, DEVICES, ROOM_EVENTS)
