"""The table of fields: each field of the protocol that can hold a strange text, and where that is shown.

The places are those of the stages, by name; a field that never reaches a screen has a reason instead. A test
walks every struct of the protocol and fails when one has a text that is not in the table.
"""

import importlib
import pkgutil
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

import parlour_protocol
from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Request
from parlour_protocol.kit.names import DeviceName, UserName
from parlour_protocol.room_name import RoomName

NAMED = (WireText, UserName, RoomName, DeviceName)
"""Types of text that somebody else chooses."""

_LINES = ("member list, typing line, system line, author",)
_TOPIC = ("heading topic, error hint", "topic change", "directory topic")
_LISTED = ("thread", "pins", "search result", "outbox")
_MESSAGE = (
    "message",
    "inspector",
    "clipboard",
    "edit, in the composer",
    "deletion dialog",
    "list of links",
    "link dialog",
    "reply hint",
)
_FILE = ("file name", "file name on its way", "file name, saved", "picture dialog", "sealed file name")
_DEVICES = ("sessions", "/devices", "/encryption", "/alarms")
_OURS = "it goes to the server; what of it can come back stands in another struct"

TABLE: Mapping[str, tuple[str, ...] | str] = {
    # events of a log
    "Message.text": (*_MESSAGE, *_LISTED, "profile card", "line mode"),
    "Edited.text": ("edit", "edit history"),
    "Reacted.reaction": ("reaction",),
    "TopicSet.topic": _TOPIC,
    "Kicked.reason": ("kick reason",),
    "Banned.reason": ("ban reason",),
    "FileRef.name": _FILE,
    **dict.fromkeys(("Created.name", "Renamed.name"), ("room list",)),
    **dict.fromkeys((f"{body}.who" for body in ("Invited", "Uninvited", "Added", "RoleSet")), _LINES),
    **dict.fromkeys((f"{body}.who" for body in ("Kicked", "Banned", "Unbanned")), _LINES),
    **dict.fromkeys((f"{body}.who" for body in ("Muted", "Unmuted")), _LINES),
    "LogEvent.author": (*_LINES, "raw author"),
    "LogEvent.device": ("raw device", "inspector"),
    # what a server tells
    "RoomSummary.name": ("room list", "palette", "completion"),
    "RoomSummary.peer": ("room list", "palette"),
    "RoomSummary.topic": _TOPIC,
    "Member.user": (*_LINES, "completion", "palette"),
    "Invitation.name": ("invitation",),
    "Invitation.inviter": ("invitation",),
    "Blocked.users": ("blocked people",),
    **dict.fromkeys(("Ban.user", "Ban.by"), _LINES),
    "Ban.reason": ("bans",),
    "ServerNotice.text": ("notices",),
    "RoomListing.name": ("directory topic",),
    "RoomListing.topic": ("directory topic",),
    "Error.hint": ("heading topic, error hint", "refused message", "outbox"),
    "Ok.redacted": ("outbox",),
    "Hello.user": "another account than the one that logged in ends the connection",
    "Hello.device": "the client shows the name that its person gave at the login",
    "TypingUpdate.user": (*_LINES, "raw typing line"),
    "StatusUpdate.user": "it changes the status of a member whose name is there already",
    "ReadBy.user": "a receipt; the name is one of a member, and of the same type",
    # inside sealed messages
    "TextContent.text": ("sealed message", "sealed timeline"),
    "EditContent.text": ("sealed edit",),
    "ReactContent.reaction": ("sealed reaction",),
    "EncryptedFile.name": ("sealed file name",),
    # over HTTPS
    "Problem.message": ("refusal of a call", "close reason, ticket refusal"),
    "SessionInfo.device": ("sessions",),
    "DeviceInfo.name": ("/devices",),
    "Certificate.name": _DEVICES,
    "GroupState.closed": "only names that the room's list of members has already are shown",
    "GroupDevice.user": "whose device is to enter; what is shown is the certificate's name",
    "AccountCreated.user": "the name that was just typed",
    "SessionCreated.user": "the name that was just typed",
    **dict.fromkeys(
        ("FactorChallenge.relying_party", "SecurityKeyOptions.relying_party"),
        "it goes to the security key, which answers for this server's name only",
    ),
    **dict.fromkeys(("NewAccount.username", "Login.username", "Login.device"), _OURS),
    # what account keys sign, and the key log
    **dict.fromkeys(
        ("Statement.user", "Certificate.user", "Revocation.user"),
        ("/encryption", "/verify mallory", "/alarms"),
    ),
    **dict.fromkeys(
        ("Statement.server", "Certificate.server", "Revocation.server"),
        "another server than the one that was logged in to is refused",
    ),
    "AccountEntry.user": ("/alarms",),
    "InspectionPolicy.words": ("/alarms",),
    "InspectionPolicy.refused_files": ("/alarms",),
    "InspectionPolicy.rules": "names of inspectors that the client has; a policy with another one is refused",
    # what devices sign about the people of a room, and the list that follows from it
    **dict.fromkeys(
        (
            f"{act}.who"
            for act in ("RoomAct", "Admit", "Accept", "Withdraw", "Request", "Remove", "Unban", "SetRole")
        ),
        ("/encryption",),
    ),
    **dict.fromkeys(
        (
            "Person.user",
            "Person.by",
            "RemovedPerson.user",
            "RemovedPerson.by",
            "Origin.founder",
            "Origin.people",
        ),
        ("/encryption",),
    ),
    **dict.fromkeys(
        (
            f"{act}.server"
            for act in (
                "RoomAct",
                "Admit",
                "Accept",
                "Withdraw",
                "Request",
                "Remove",
                "Unban",
                "SetRole",
                "Roster",
            )
        ),
        "a statement for another server than the one that was logged in to is refused",
    ),
}


def structs() -> Iterator[type[msgspec.Struct]]:
    """Yield every struct of the protocol that a message is made of."""
    for module in pkgutil.walk_packages(parlour_protocol.__path__, "parlour_protocol."):
        for value in vars(importlib.import_module(module.name)).values():
            is_struct = isinstance(value, type) and issubclass(value, msgspec.Struct)
            if is_struct and value.__module__ == module.name and not value.__name__.startswith("_"):
                yield value


def texts_of(struct: type[msgspec.Struct]) -> Iterator[str]:
    """Yield the fields of a struct that can hold text without a pattern."""
    if issubclass(struct, Request):
        return  # what a client asks: nobody else's client ever reads one
    for name, annotation in get_type_hints(struct, include_extras=True).items():
        if name in struct.__struct_fields__ and _is_text(annotation):
            yield f"{struct.__name__}.{name}"


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        kind, *extra = get_args(annotation)
        patterns = [one.pattern for one in extra if isinstance(one, msgspec.Meta) and one.pattern]
        return not patterns and _is_text(kind)
    if get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        return any(_is_text(part) for part in get_args(annotation))
    plain = getattr(annotation, "__supertype__", annotation)
    return isinstance(plain, type) and (plain is str or issubclass(plain, NAMED))
