"""Converts archived events to entries of a timeline, and back.

Stored bodies go through the strict decoder again, like frames. A ``Fold`` adds the effects of later events to
a message: the newest text, reactions. Pure functions; the modules of the archive call them on its thread.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from parlour_client.core.model import Entry, Note, ReactionCount
from parlour_protocol.frames import AnyBody, LogEvent, Reaction, bodies, decode_body
from parlour_protocol.frames.bodies import Blank, Edited, Message, Pinned, Reacted
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.fields import WireText, decode_field, encode_field
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import DeviceName, UserName, parse_device_name, parse_user_name

COLUMNS: Final = "room, seq, at, author, device, body, is_row, sealed, trouble, note"

Row = tuple[str, int, int, str, str, str, int, int, str, str | None]

user_name = functools.lru_cache(4096)(parse_user_name)
device_name = functools.lru_cache(4096)(parse_device_name)


def kind_of(body: AnyBody) -> str:
    """Return a body's tag on the wire."""
    return str(type(body).__struct_config__.tag)


def target_of(body: AnyBody) -> Seq | None:
    """Return the message whose row a body changes, if it does nothing else."""
    return about_of(body) if body.rules.at_target else None


def about_of(body: AnyBody) -> Seq | None:
    """Return the message that a body is about; a pin has a row of its own as well."""
    return bodies.target_of(body)


def is_row(body: AnyBody) -> bool:
    """Say whether an event is a row of the timeline; the others change the row of their target."""
    if isinstance(body, Blank):
        return body.was == "message"
    return not body.rules.at_target


def event_of(row: Row) -> LogEvent:
    """Return the event in a row."""
    room, seq, at, author, device, body = row[:6]
    return LogEvent(
        room=RoomId(room),
        seq=Seq(seq),
        at=Millis(at),
        author=user_name(author),
        device=device_name(device),
        body=decode_body(body),
    )


@dataclass(slots=True)
class Fold:
    """The effects of later events on one message."""

    text: WireText | None = None
    reactions: dict[Reaction, dict[UserName, None]] = field(default_factory=dict)
    starred: bool = False
    pinned: bool = False
    replies: int = 0

    def add(self, author: UserName, body: AnyBody) -> None:
        """Apply one event about the message; call in order of ``seq``."""
        match body:
            case Edited(text=text):
                self.text = text
            case Reacted(reaction=reaction, on=True):
                self.reactions.setdefault(reaction, {})[author] = None
            case Reacted(reaction=reaction, on=False):
                self.reactions.get(reaction, {}).pop(author, None)
            case Pinned(on=on):
                self.pinned = on
            case _:
                pass

    def counts(self) -> tuple[ReactionCount, ...]:
        """Return the reactions that someone still has set, in order of first use."""
        return tuple(
            ReactionCount(reaction, tuple(users)) for reaction, users in self.reactions.items() if users
        )


def entry_of(row: Row, fold: Fold | None = None) -> Entry:
    """Return the timeline's entry for a row."""
    event = event_of(row)
    body, fold = event.body, fold or Fold()
    message = body if isinstance(body, Message) else None
    return Entry(
        room=event.room,
        at=event.at,
        author=event.author,
        device=event.device,
        body=body,
        seq=event.seq,
        text=(fold.text or message.text) if message else None,
        reply_to=message.reply_to if message else None,
        edited=message is not None and fold.text is not None,
        deleted=isinstance(body, Blank),
        reactions=fold.counts() if message else (),
        starred=fold.starred,
        pinned=fold.pinned and message is not None,
        replies=fold.replies,
        sealed=bool(row[7]),
        trouble=row[8],
        note=note_of(row[9]) if row[9] is not None else None,
    )


def note_of(text: str) -> Note:
    """Parse a stored note."""
    return msgspec.json.decode(text, type=Note, dec_hook=decode_field)


def note_text(note: Note) -> str:
    """Return a note as text to store."""
    return msgspec.json.encode(note, enc_hook=encode_field).decode()


def folds_of(rows: Iterable[tuple[int, str, str]]) -> dict[Seq, Fold]:
    """Fold (target, author, body) rows, in order of ``seq``, by target."""
    folds: dict[Seq, Fold] = {}
    for target, author, body in rows:
        folds.setdefault(Seq(target), Fold()).add(user_name(author), decode_body(body))
    return folds


def entries_of(rows: Sequence[Row], folds: dict[Seq, Fold]) -> list[Entry]:
    """Return the entries of rows that are in the timeline, in the same order."""
    return [entry_of(row, folds.get(Seq(row[1]))) for row in rows if row[6]]


__all__ = [
    "COLUMNS",
    "DeviceName",
    "Fold",
    "Row",
    "about_of",
    "device_name",
    "entries_of",
    "entry_of",
    "event_of",
    "folds_of",
    "is_row",
    "kind_of",
    "note_of",
    "note_text",
    "target_of",
    "user_name",
]
