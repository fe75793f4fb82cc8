"""The program that `terminal/test_driver.py` runs in a terminal and takes it away from.

`vanishing.py FOLDER MODE`: drafts go to the file `draft` in the folder. In the modes `flood` and `stuck` much
is said; when no more can be drawn, `stuck` opens the pipe `full` in the folder. `starting` never starts.
`welcome` and `joining` have no account, and a server that never answers; `locked` locks as soon as there is a
draft. What the app returns is in the file `left`: a process that the last timer ended leaves none.
"""

import asyncio
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))  # a script, not a module of the tests

from tests.client.ui.ui_fake import BOB, LOBBY, FakeClient
from textual.drivers._writer_thread import WriterThread

from parlour_client.core.client import Client
from parlour_client.extras import register_all, screen_lock
from parlour_client.kit import clock
from parlour_client.kit.account.entrance import Entrance
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.ui import run
from parlour_client.ui.account_switcher import Accounts, OpenedAccount
from parlour_protocol.ids import RoomId
from parlour_protocol.invite_link import ChatInviteLink
from parlour_protocol.kit.ids import Seq
from parlour_protocol.kit.secret import Secret

FOLDER, MODE = Path(sys.argv[1]), sys.argv[2]


class Vanishing(FakeClient):
    """Keeps drafts on disk, and speaks much."""

    async def start(self, connect_after: asyncio.Event | None = None) -> None:
        """Begin as the mode says."""
        if MODE == "starting":
            await never()
        await super().start(connect_after)
        if MODE in {"flood", "stuck"}:
            self._flood(0)
        if MODE == "stuck":
            threading.Thread(target=self._tell_when_full, daemon=True).start()
        if MODE == "offline":
            self.set_link(ConnectionStatus(LinkState.OFFLINE, "chat.example:8443", "", problem="no answer"))

    async def save_draft(self, room: RoomId, text: str, thread: Seq | None = None) -> None:
        """Write it."""
        await super().save_draft(room, text, thread)
        (FOLDER / "draft").write_text(text)

    def _flood(self, number: int) -> None:
        self.say(LOBBY, BOB, f"flood {number} " * 12)
        asyncio.get_running_loop().call_later(0.02, self._flood, number + 1)

    def _tell_when_full(self) -> None:
        never = threading.Event()
        while not any(isinstance(one, WriterThread) and one._queue.full() for one in threading.enumerate()):
            never.wait(0.05)
        with (FOLDER / "full").open("w"):
            pass


async def never(*_: object) -> Client:
    """Wait."""
    await asyncio.Event().wait()
    raise AssertionError


async def again(name: str, _: Secret | None) -> OpenedAccount:
    """Open the account again."""
    return OpenedAccount(name, FOLDER, Vanishing.peopled())


def lock_once_there_is_a_draft() -> None:
    """As if someone had left for a day after they wrote."""
    screen_lock.LOOK_EVERY = 0.05  # type: ignore[misc]
    now = clock.since_boot
    clock.since_boot = lambda: now() + 86_400.0 * (FOLDER / "draft").exists()


def the_client() -> FakeClient:
    """Return a client with a lobby and nothing else."""
    client = Vanishing.peopled()
    client.remove_room(client.rooms.all[0].id)  # the direct room, so that the lobby is the room to open
    client.remove_room(client.rooms.all[0].id)
    client.mark_all_read()
    return client


def main() -> None:
    """Run."""
    register_all()
    accounts = None
    if MODE == "locked":
        lock_once_there_is_a_draft()
        accounts = Accounts(current="", names=lambda: (), locked=lambda _: True, open=again)
    if MODE in {"welcome", "joining"}:
        code = run(
            entrance=Entrance(never, never, ChatInviteLink.parse, lambda link: link.link, "parlour", "desk")
        )
    else:
        code = run(the_client(), accounts=accounts)
    (FOLDER / "left").write_text(str(code))
    sys.exit(code)


if __name__ == "__main__":
    main()
