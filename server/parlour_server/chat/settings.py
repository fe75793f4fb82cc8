"""The settings of the chat: those of every server, and its own rates, delivery and uploads."""

from typing import Annotated

from parlour_protocol.limits import HTTP_COMMIT
from parlour_server.core.config.server_settings import Rates, Section, Settings, setting


class ChatRates(Rates, frozen=True):
    """Rate limits of accounts, connections and addresses."""

    rooms_per_hour: Annotated[
        int, setting("rooms per hour", "rooms and direct rooms created by one account", of_account=True)
    ] = 60
    invites_per_hour: Annotated[
        int,
        setting("invitations per hour", "by one account, to anyone and to any room (L14)", of_account=True),
    ] = 120
    key_changes_per_hour: Annotated[
        int,
        setting(
            "changes per hour", "keys, certificates and key packages uploaded by one account", reloads=True
        ),
    ] = 240
    claims_per_hour: Annotated[
        int,
        setting(
            "key packages per hour", "claimed by one account; a full room takes 500 at once", reloads=True
        ),
    ] = 2_000
    claims_per_person_per_hour: Annotated[
        int,
        setting(
            "key packages per hour", "of one person, claimed by one other account (exhaustion)", reloads=True
        ),
    ] = 60
    claims_of_person_per_hour: Annotated[
        int, setting("key packages per hour", "of one person, claimed by anyone (exhaustion)", reloads=True)
    ] = 1_000
    commits_per_minute: Annotated[
        int, setting("commits per minute", "by one account: each goes to everyone in the room", reloads=True)
    ] = 120
    commit_bytes_per_hour: Annotated[
        int,
        setting(
            "bytes per hour",
            "the same in bytes, and keys: a device that changes its keys in 200 rooms sends some 10 MB (D26)",
            ge=HTTP_COMMIT.value,
            reloads=True,
        ),
    ] = 67_108_864


class Delivery(Section, frozen=True):
    """Delivery of events to many members."""

    flush_ms: Annotated[
        int,
        setting(
            "milliseconds",
            "minimum time between two writes to the members of a busy room; "
            "an idle room's event is sent at once",
            ge=0,
            le=100,
        ),
    ] = 13


class MessageSettings(Section, frozen=True):
    """How much a room may hold."""

    room_bytes: Annotated[
        int,
        setting("bytes", "all messages of one room, so that one room can't fill the disk", reloads=True),
    ] = 4_294_967_296


class LargeBodies(Section, frozen=True):
    """Uploads: files, and large commits and keys."""

    uploads_per_user: Annotated[
        int,
        setting("uploads", "large bodies of one account at a time; each uses memory or a file", reloads=True),
    ] = 4


class ChatSettings(Settings, frozen=True):
    """All settings of the chat's server."""

    rates: ChatRates = ChatRates()
    delivery: Delivery = Delivery()
    messages: MessageSettings = MessageSettings()
    files: LargeBodies = LargeBodies()
