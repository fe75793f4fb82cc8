"""The least chat that the kit makes: what someone says is on the disk, then it goes to everyone in the room.

It is measured beside Parlour's chat, with the same load: `python -m bench.relay run`.
"""

from typing import Annotated

from msgspec import Meta, Struct

from parlour_protocol.kit.fields import WireText
from parlour_protocol.kit.frames import Error, Hello, Ok, Push, Request
from parlour_protocol.kit.id_fields import SeqField
from parlour_protocol.kit.ids import MAX_INT, Seq
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.wire import Wire
from parlour_server.app.app import App
from parlour_server.app.log.log import Appended, Entry, Facts
from parlour_server.core.connections.peer import Peer
from parlour_server.core.program import Pending

Room = Annotated[str, Meta(pattern=r"\A[0-9]{1,6}\Z")]


class Text(WireText):
    """A line that someone wrote."""

    __slots__ = ()
    max_bytes = 4096


class Join(Request, frozen=True, tag="join"):
    """Get the lines of this room, and of no other."""

    room: Room


class Say(Request, frozen=True, tag="say"):
    """Say something in a room."""

    room: Room
    text: Text


class Said(Push, frozen=True, tag="said"):
    """Something that was said."""

    room: Room
    seq: SeqField
    user: UserName | None
    text: Text


class Line(Struct, frozen=True):
    """An entry of a room's log."""

    text: Text


class Nothing(Struct, frozen=True):
    """The state of a room's log: everyone may say anything."""


WIRE: Wire[Join | Say, Hello | Ok[None] | Error | Said] = Wire("relay.v1", requests=Join | Say, pushes=Said)
app: App[None] = App(WIRE, command="python -m bench.relay")


def _said(entry: Entry[Line]) -> Said:
    assert entry.author is not None  # noqa: S101 - no line is the server's own
    return Said(str(entry.log), entry.seq, entry.author, entry.body.text)


def _allow(_: Facts[Nothing]) -> None:
    return


rooms = app.log("room", body=Line, state=Nothing, push=_said)


@app.on(Join, role="member")
async def join(peer: Peer[None], ask: Join) -> None:
    """Send new lines from now on."""
    peer.only()
    await rooms.follow(peer, ask.room, after=Seq(MAX_INT))


@app.on(Say, role="member")
def say(peer: Peer[None], ask: Say) -> Pending[Appended[Entry[Line]]]:
    """Append it to the room's log."""
    return rooms.append(peer, ask, ask.room, Line(ask.text), _allow)


if __name__ == "__main__":
    app.main()
