"""The table of places: where a stranger's text can appear in the client, and how it gets there.

A new place is one row: its name, the type that the wire gives to its text, and the event or frame that
carries it. ``TIMELINE`` rows are events of one log, read page by page; the stages in ``stages.py`` name the
rest.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parlour_protocol.frames import AnyBody
from parlour_protocol.frames.bodies import Banned, Edited, FileRef, Kicked, Message, Reacted, TopicSet
from parlour_protocol.frames.fields import FileName, MessageText, Reaction, TopicText
from parlour_protocol.frames.opaque import Digest
from parlour_protocol.ids import FileId
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.names import (
    DeviceName,
    NameRefusedError,
    UserName,
    parse_device_name,
    parse_user_name,
)
from parlour_protocol.room_name import RoomName, parse_room_name

DAVE = parse_user_name("dave")
ESCAPE = "\x1b[27u"
Make = Callable[[str, Seq], AnyBody]


@dataclass(frozen=True)
class Place:
    """One place of the timeline; ``make`` gets the text and the number of the event before it."""

    name: str
    type: type[WireText]
    make: Make

    def takes(self, text: str) -> bool:
        """Tell whether an honest server would let the text come here."""
        return fits(self.type, text)


def fits(kind: type[WireText], text: str) -> bool:
    """Tell whether the wire takes the text as this kind."""
    try:
        kind.parse(text)
    except ValueError:
        return False
    return True


def user_name(text: str) -> UserName | None:
    """Return the text as a user's name, where it is one."""
    try:
        return parse_user_name(text)
    except NameRefusedError:
        return None


def device_name(text: str) -> DeviceName | None:
    """Return the text as a device's name, where it is one."""
    try:
        return parse_device_name(text)
    except NameRefusedError:
        return None


def room_name(text: str) -> RoomName | None:
    """Return the text as a room's name, where it is one."""
    try:
        return parse_room_name(text)
    except NameRefusedError:
        return None


CONTENT = b"what the file holds"


PICTURE = bytes.fromhex("47494638396101000100800000ff00000000002c00000000010001000002024401003b")
"""A GIF of one red pixel."""


def file_of(name: str) -> FileRef:
    """Return a file of any name; ``HostileServer`` serves its bytes."""
    digest = Digest(hashlib.sha256(CONTENT).digest())
    return FileRef(FileId("f" * 22), FileName(name), "text/plain", len(CONTENT), digest)


def picture_of(name: str) -> FileRef:
    """Return a picture of any name, `PICTURE`."""
    digest = Digest(hashlib.sha256(PICTURE).digest())
    return FileRef(FileId("f" * 22), FileName(name), "image/gif", len(PICTURE), digest)


TIMELINE = (
    Place("message", MessageText, lambda text, _: Message(MessageText(text))),
    Place("reaction", Reaction, lambda text, before: Reacted(before, Reaction(text), on=True)),
    Place("edit", MessageText, lambda text, before: Edited(before, MessageText(text))),
    Place("topic change", TopicText, lambda text, _: TopicSet(TopicText(text))),
    Place("file name", FileName, lambda text, _: Message(MessageText("it"), file=file_of(text))),
    Place("kick reason", ReasonText, lambda text, _: Kicked(DAVE, ReasonText(text))),
    Place("ban reason", ReasonText, lambda text, _: Banned(DAVE, reason=ReasonText(text))),
)
"""In this order for each text, and then its mark as a reply to the message: the reply quotes it."""


Content = dict[str, Any]
"""What stands inside an encrypted message, unchecked, as JSON."""


@dataclass(frozen=True)
class SealedPlace:
    """One place that is filled from inside encrypted messages; ``make`` gets the text and a message's id."""

    name: str
    type: type[WireText]
    make: Callable[[str, str], Content]

    def takes(self, text: str) -> bool:
        """Tell whether an honest client would send the text, and an honest one takes it."""
        return fits(self.type, text)


def _attached(name: str) -> Content:
    zeros = "A" * 43
    return {
        "file": "f" * 22,
        "key": zeros,
        "sha256": zeros,
        "name": name,
        "media_type": "a/b",
        "size": 12_000,
    }


SEALED = (
    SealedPlace("sealed message", MessageText, lambda text, _: {"kind": "text", "text": text}),
    SealedPlace(
        "sealed reaction", Reaction, lambda text, to: {"kind": "react", "target": to, "reaction": text}
    ),
    SealedPlace(
        "sealed file name", FileName, lambda text, _: {"kind": "text", "text": "it", "file": _attached(text)}
    ),
    SealedPlace("sealed edit", MessageText, lambda text, to: {"kind": "edit", "target": to, "text": text}),
)
"""In this order for each text; the mark that follows is a reply to the message, and so quotes it."""
