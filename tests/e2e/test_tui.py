"""The whole client in a terminal against a real server: cut off, restarted, resized, flooded, closed."""

import json
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.cable import Cable
from tests.e2e.flood import flood
from tests.e2e.on_screen import Terminal
from tests.e2e.processes import DEADLINE, Person, Server, password

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

WIDE = """[rates]
messages_per_minute = 1000000
message_burst = 20000
message_bytes_per_minute = 1000000000
message_bytes_burst = 100000000
requests_per_minute = 1000000
request_burst = 20000
reads_per_minute = 1000000
read_burst = 100000
read_bytes_per_minute = 10000000000
read_bytes_burst = 10000000000
bytes_per_minute = 1000000000
bytes_burst = 100000000
http_burst = 1000
"""
FLOOD = 10_000
NOT_CONNECTED = "not connected"
"""What a client without a connection shows; while there is one it says nothing about it."""
IMPATIENT = (sys.executable, str(Path(__file__).with_name("impatient.py")))
Opened = Callable[..., Terminal]


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    """Return a cable to the server."""
    made = Cable()
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a server that runs, limits no sender, and is known at the near end of the cable, too."""
    made = Server(tmp_path_factory.mktemp("server"))
    made.command("init")
    names = f'[listen]\nnames = ["localhost", "127.0.0.1", "127.0.0.1:{cable.port}"]\n'
    (made.data / "parlour.toml").write_text(names + WIDE)
    made.start()
    cable.target = made.port
    yield made
    made.kill(signal.SIGTERM)


@pytest.fixture(scope="module")
def ada(server: Server, cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Return a person who reaches the server over the cable alone."""
    person = Person(tmp_path_factory.mktemp("ada") / "home", server)
    link = server.invite().replace(f":{server.port}", f":{cable.port}")
    words = ["join", link, "--username", "ada", "--password-stdin", "--device", "desk"]
    person.run(*words, stdin=f"{password('ada')}\n")
    return person


@pytest.fixture(scope="module")
def ben(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Person:
    """Return another, on a cable of his own."""
    person = Person(tmp_path_factory.mktemp("ben") / "home", server)
    person.join("ben")
    return person


@pytest.fixture
def opened(cable: Cable) -> Iterator[Opened]:
    """Return what opens the client in a terminal; all are closed at the end, and the cable is whole."""
    terminals: list[Terminal] = []

    def open_one(person: Person, *program: str) -> Terminal:
        terminal = Terminal(person, program=program).open()
        terminals.append(terminal)
        terminal.wait("#lobby", gone=NOT_CONNECTED)
        return terminal

    yield open_one
    cable.mend()  # a test that failed on the way must not fail the ones after it
    for terminal in terminals:
        terminal.close()


def wipe(screen: Terminal) -> None:
    """Take the draft away: it would be there in the next test, as it should."""
    screen.press("C-e", "C-u")
    screen.wait("Write to ")


def sessions(screen: str) -> list[str]:
    """Return the rows of the dialog with ada's sessions."""
    rows = [row.strip("▕│> ") for row in screen.split("\n")]
    return [row for row in rows if "this device" in row or row.startswith("lap")]


def said(person: Person, text: str) -> int:
    """Return how often the lobby's log has this text."""
    found = [json.loads(line) for line in person.run("export", "lobby", "--json").stdout.split("\n") if line]
    return sum(text == one.get("text") for one in found)


def test_the_network_is_cut_while_someone_types(
    ada: Person, ben: Person, cable: Cable, opened: Opened
) -> None:
    """What was sent waits and goes out once, what was half written stays, what others said comes in."""
    screen = opened(ada)
    screen.type("before the cut")
    screen.press("Enter")
    screen.wait("├ before the cut", gone="queued")
    cable.cut()
    screen.wait("not connected")
    screen.type("into the dark")
    screen.press("Enter")
    screen.wait("├ into the dark", "queued")
    screen.type("half a thought")
    ben.run("send", "lobby", "said meanwhile")
    cable.mend()
    seen = screen.wait("├ said meanwhile", "half a thought", gone="queued")
    assert "├ into the dark" in seen
    assert "├ half a thought" not in seen
    assert said(ben, "into the dark") == 1
    wipe(screen)


@pytest.mark.long
def test_the_network_falls_silent_while_someone_types(
    ada: Person, ben: Person, cable: Cable, opened: Opened
) -> None:
    """Nothing is broken, nothing gets through: the client notices by itself, and the rest is as with a cut.

    What it had sent into the silence reaches the server twice, late and again: it is stored once.
    """
    screen = opened(ada, *IMPATIENT)
    screen.type("before the silence")
    screen.press("Enter")
    screen.wait("├ before the silence", gone="queued")
    screen.wait("├ before the silence", gone="confirmed yet")
    screen.type("into the silence")
    screen.wait("▌ into the silence")
    cable.hush_with_a_message()
    screen.press("Enter")
    screen.wait("├ into the silence", "sent, not confirmed yet")
    # It tries again: which try is under way, or waited for, depends on when one looks.
    screen.wait_until(lambda seen: "not connected" in seen or "connecting…" in seen, "a lost connection")
    screen.type("and one more")
    screen.press("Enter")
    screen.wait("├ and one more", "queued (x: cancel)")
    screen.type("half a thought")
    ben.run("send", "lobby", "said in the silence")
    cable.mend()
    screen.wait("├ said in the silence", "half a thought", gone="queued")
    seen = screen.wait("├ and one more", gone="confirmed yet")
    assert seen.index("├ into the silence") < seen.index("├ and one more")
    assert "├ half a thought" not in seen
    assert said(ben, "into the silence") == said(ben, "and one more") == 1
    wipe(screen)


def test_the_server_is_killed_and_comes_back(
    ada: Person, ben: Person, server: Server, opened: Opened
) -> None:
    """The client stays usable, says so, and sends when the server is back; nothing is stored twice."""
    screen = opened(ada)
    server.kill()
    screen.wait("not connected")
    screen.type("to a dead server")
    screen.press("Enter")
    screen.press("F7")
    screen.wait("Outbox: 1 waiting to be sent", "queued")
    server.start()
    screen.wait("Outbox: everything is sent")
    screen.press("Escape")
    screen.wait("├ to a dead server", gone=NOT_CONNECTED)
    assert said(ben, "to a dead server") == 1


@pytest.mark.long
def test_two_devices_of_one_account(ada: Person, server: Server, opened: Opened, tmp_path: Path) -> None:
    """What one says stands on the other; either can end the other's session, which logs in again in place."""
    other = Person(tmp_path / "home", server)
    address = f"127.0.0.1:{server.port}"
    trust = ["--ca", str(server.data / "ca.pem")]
    login = ["login", address, "--username", "ada", "--password-stdin", "--device", "lap"]
    other.run(*login, *trust, stdin=f"{password('ada')}\n")
    desk, lap = opened(ada), opened(other)
    desk.type("from the desk")
    desk.press("Enter")
    lap.wait("├ from the desk")
    lap.type("from the lap")
    lap.press("Enter")
    desk.wait("├ from the lap", "├ from the desk")
    desk.type("/sessions")
    desk.press("Enter")
    seen = desk.wait_until(lambda seen: len(sessions(seen)) == 2, "two sessions")
    if "this device" in sessions(seen)[0]:
        desk.press("Down")
    desk.press("x")
    desk.wait("Log this device out?", "lap")
    desk.answer("Log this device out?", "l")
    lap.wait("logged out", "Alt+G")
    lap.press("M-g")
    lap.wait("Log in again")
    lap.type(password("ada"))
    lap.press("Enter")
    lap.wait("├ from the desk", gone="Log in again")
    desk.press("Escape")
    lap.type("from the lap, again")
    lap.press("Enter")
    desk.wait("├ from the lap, again")


@pytest.mark.long
def test_a_resize_storm(ada: Person, ben: Person, opened: Opened) -> None:
    """Forty sizes one after the other, down to 40x15, while messages come: nothing breaks, the text stays."""
    screen = opened(ada)
    screen.type("still here")
    running = ben.begin("send", "lobby", "--stdin", "--json")
    for turn in range(40):
        running.stdin.write(f"storm {turn}\n")
        running.stdin.flush()
        screen.tmux("resize-window", "-x", str(40 + turn * 37 % 120), "-y", str(15 + turn * 13 % 40))
    _, errors = running.communicate(timeout=DEADLINE)
    assert running.returncode == 0, errors
    screen.tmux("resize-window", "-x", "90", "-y", "28")
    seen = screen.wait("├ storm 39", "still here", gone=NOT_CONNECTED)
    rows = seen.split("\n")
    assert all(len(row) <= 90 for row in rows)
    wipe(screen)


@pytest.mark.long
def test_ten_thousand_messages_while_scrolled_up(ada: Person, server: Server, opened: Opened) -> None:
    """What is read stays where it is, keys are answered, and the end is one key away."""
    screen = opened(ada)
    flood(server, "old", [f"old {number}" for number in range(60)])
    screen.wait("├ old 59")
    screen.press("PageUp")
    seen = screen.wait("├ old 30", gone="├ old 59")
    top = next(
        row.partition("│")[2] for row in seen.split("\n") if "├ old" in row
    )  # the list beside it counts
    sending = threading.Thread(target=flood, args=(server, "eve", [f"flood {n}" for n in range(FLOOD)]))
    sending.start()
    screen.wait("new below")
    screen.type("keys are answered")
    seen = screen.wait("keys are answered")
    assert top in seen
    sending.join()
    screen.press("C-End")
    screen.wait(f"├ flood {FLOOD - 1}", "keys are answered", gone="new below")
    wipe(screen)


@pytest.mark.long
def test_what_others_may_see(ada: Person, ben: Person, opened: Opened) -> None:
    """How far someone has read is told only after they turned it on; a pin is the owner's to put."""
    desk, box = opened(ada), opened(ben)
    box.press("C-End")  # he may have ten thousand messages to read, and be at the first of them
    desk.type("read by nobody yet")
    desk.press("Enter")
    box.wait("├ read by nobody yet")
    box.type("what he answers comes after what he read")
    box.press("Enter")
    assert "read by ben" not in desk.wait("├ what he answers")
    box.type("/receipts on")
    box.press("Enter")
    box.wait("Write to ", gone="/receipts")
    desk.type("read by somebody")
    desk.press("Enter")
    desk.wait_until(
        lambda seen: 0 < seen.find("├ read by somebody") < seen.rfind("read by ben"), "a message read by ben"
    )
    desk.press("M-Up")
    desk.wait("r reply")
    desk.press("P")
    desk.answer("Pin this message for everyone in lobby?", "Enter")
    desk.wait("Only moderators and owners pin messages here.")


@pytest.mark.long
def test_the_terminal_goes_away(ada: Person, ben: Person, cable: Cable, opened: Opened) -> None:
    """The window is closed in the middle of a sentence: the draft and what was not sent are there again."""
    screen = opened(ada)
    cable.cut()
    screen.wait("not connected")
    screen.type("sent before the end")
    screen.press("Enter")
    screen.wait("├ sent before the end", "queued")
    screen.type("a draft that lives")
    screen.wait("a draft that lives")
    screen.close()
    cable.mend()
    again = opened(ada)
    again.wait("a draft that lives", "├ sent before the end", gone="queued")
    assert said(ben, "sent before the end") == 1
    wipe(again)
