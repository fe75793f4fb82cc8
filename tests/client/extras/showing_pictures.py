"""The program that tests run in a pseudo-terminal: the real screen, with a picture of someone in the lobby.

`showing_pictures.py HOME FILE`: settings and the picture.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # a script, not a module of the tests

from tests.client.ui.ui_fake import BOB, DIRECT, GARDEN, LOBBY, FakeClient, a_file, raw_text

from parlour_client.core.model import Entry
from parlour_client.extras import register_all
from parlour_client.ui import run
from parlour_protocol.frames import bodies


class WithPicture(FakeClient):
    """Hands out a file as the content of every message's."""

    picture = b""

    async def read_file(self, entry: Entry, most: int) -> bytes:  # noqa: ARG002 - the fake's interface
        return self.picture


def main() -> None:
    """Run."""
    register_all()
    client = WithPicture.peopled()
    WithPicture.picture = Path(sys.argv[2]).read_bytes()
    for room in (GARDEN, DIRECT):
        client.remove_room(room)
    client.happen(LOBBY, BOB, bodies.Message(raw_text("look"), file=a_file("a.png", 999, "image/png")))
    client.mark_all_read()
    sys.exit(run(client, folder=Path(sys.argv[1])))


if __name__ == "__main__":
    main()
