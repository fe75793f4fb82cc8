"""A program of the kit with a log of notes and an inspector; the rest of it knows of no inspection."""

from typing import Final

from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Error, Hello, Ok, Part, Request
from parlour_protocol.kit.inspect import Allow, Context, Finding, Redact, Text, Verdict
from parlour_protocol.kit.inspect import Part as Inspectable
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Appended, Entry, Facts
from parlour_server.core.connections.peer import Peer
from parlour_server.core.program import Pending


class Words(WireText):
    """A note."""

    __slots__ = ()
    max_bytes = 2_000


class Note(Request, frozen=True, tag="note"):
    """Write a note."""

    words: Words


class Written(Part, frozen=True):
    """What is kept of it."""

    words: Words


WIRE: Final = Wire[Note, Hello | Ok[None] | Error]("notes.v1", requests=Note)


def no_names(part: Inspectable, _context: Context) -> Verdict:
    """Remove one name wherever it stands."""
    at = part.text.find("voldemort") if isinstance(part, Text) else -1
    return Redact((Finding("a name", at, at + 9),)) if at >= 0 else Allow()


app: App[None] = App(WIRE, inspectors=[no_names])
notes = app.log("notes", body=Written, state=int)


@app.on(Note, role="member")
def write(peer: Peer[None], note: Note) -> Pending[Appended[Entry[Written]]]:
    """Append it."""

    def count(facts: Facts[int]) -> int:
        return (facts.state or 0) + 1

    return notes.append(peer, note, "all", Written(note.words), count)
