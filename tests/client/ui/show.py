"""Open the real screen on a scripted client, to look at it: `python tests/client/ui/show.py`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # a script, not a module of the tests

from tests.client.ui.corpus import samples
from tests.client.ui.ui_fake import BOB, CAROL, DIRECT, GARDEN, LOBBY, FakeClient

from parlour_client.ui import run
from parlour_protocol.frames import bodies
from parlour_protocol.frames.fields import TopicText
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.ids import Seq
from parlour_protocol.room_name import parse_room_name
from parlour_protocol.rooms import Role


def scripted() -> FakeClient:
    """Make a client with a bit of everything."""
    client = FakeClient.peopled()
    client.say(
        LOBBY,
        BOB,
        "I read the notes of yesterday. They are long, so here is the gist in one line that wraps.",
    )
    client.say(LOBBY, BOB, "And a second message\nof two lines.")
    client.say(LOBBY, CAROL, "thanks @alice, could you look?", reply_to=Seq(4))
    client.happen(LOBBY, CAROL, bodies.TopicSet(TopicText("Today: the [bold]garden[/bold] party")))
    client.happen(LOBBY, CAROL, bodies.RoleSet(BOB, Role.MODERATOR))
    client.happen(LOBBY, CAROL, bodies.Kicked(BOB, ReasonText("too \u202eloud")))
    client.say(LOBBY, BOB, "\x1b]52;c;ZXZpbA==\x1b\\ \x1b[2J [/nope] [@click=app.quit]x[/] \u202egnp.exe")
    client.say(LOBBY, BOB, "नमस्ते दुनिया, தமிழ் மொழி, 👨‍👩‍👧‍👦 🇸🇪🇳🇴🇩🇰 ๏ ไทย 日本語 한국어 עברית العربية")
    client.say(GARDEN, CAROL, "the roses are out")
    client.say(DIRECT, BOB, "psst @alice")
    return client


def corpus(client: FakeClient) -> None:
    """Say everything that the corpus holds, in a room of its own."""
    room = client.add_room(LOBBY[:0] + "C" * 22, parse_room_name("corpus"))  # type: ignore[arg-type]
    for sample in samples():
        client.say(room.id, CAROL, sample.text)


if __name__ == "__main__":
    shown = scripted()
    if "--corpus" in sys.argv:
        corpus(shown)
    sys.exit(run(shown))
