"""What a person gets wrong, and what the world does to them: a status, a sentence, nothing lost."""

import asyncio
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.e2e import commands
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, password

# What someone does to a server's folder or types, and what the one sentence must contain.
RUNS: dict[str, tuple[int, str, Callable[[Path], object], list[str]]] = {
    "no folder": (1, "parlour-server init", shutil.rmtree, []),
    "folder others can read": (1, "chmod 700", lambda data: data.chmod(0o755), []),
    "key others can read": (1, "chmod 600", lambda data: (data / "server.key").chmod(0o644), []),
    "key that is gone": (1, "parlour-server init", lambda data: (data / "server.key").unlink(), []),
    "certificate that is none": (
        1,
        "run `init` again",
        lambda data: (data / "server.pem").write_text("certainly"),
        [],
    ),
    "database that is none": (1, "database", lambda data: (data / "parlour.db").write_text("no" * 999), []),
    "configuration that is no TOML": (
        1,
        "invalid TOML",
        lambda data: (data / "parlour.toml").write_text("[["),
        [],
    ),
    "configuration that is no text": (
        1,
        "not UTF-8",
        lambda data: (data / "parlour.toml").write_bytes(b"\xff"),
        [],
    ),
    "setting with a typing error": (
        1,
        "did you mean",
        lambda data: (data / "parlour.toml").write_text("[rates]\nstrykes = 3\n"),
        [],
    ),
    "address that is none": (1, "write host:port", lambda _: None, ["--listen", "nonsense"]),
    "flag that is none": (2, "No such option", lambda _: None, ["--insecure"]),
    "value that is none": (2, "is not one of", lambda _: None, ["--loop", "quick"]),
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder; tests copy it."""
    made = Server(tmp_path_factory.mktemp("fresh"))
    made.command("init")
    return made.data


def told(done: commands.Done, status: int) -> str:
    """Return what was said on standard error: words, one sentence or two, and never a traceback."""
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert "in Parlour (" not in done.stderr  # a bug of the client, a fault of the server
    assert 0 < len(done.stderr.splitlines()) <= 5
    return done.stderr


@pytest.mark.parametrize("case", RUNS.values(), ids=RUNS)
def test_a_server_that_cannot_start(
    fresh: Path, tmp_path: Path, case: tuple[int, str, Callable[[Path], object], list[str]]
) -> None:
    """`run` ends at once and says what to do."""
    status, words, spoil, flags = case
    data = tmp_path / "data"
    shutil.copytree(fresh, data)
    data.chmod(0o700)
    spoil(data)
    assert words in told(commands.run("parlour_server", "run", "--data", str(data), *flags), status)


def test_a_used_port(server: Server, fresh: Path, tmp_path: Path) -> None:
    """A second server on the port says so and how to take another; the first goes on."""
    shutil.copytree(fresh, tmp_path / "data")
    (tmp_path / "data").chmod(0o700)
    address = f"127.0.0.1:{server.port}"
    done = commands.run("parlour_server", "run", "--data", str(tmp_path / "data"), "--listen", address)
    said = told(done, 1)
    assert address in said
    assert "--listen" in said
    assert server.process is not None
    assert server.process.poll() is None


LINKS = {
    "no link": "lobby",
    "another scheme": "https://127.0.0.1:1/join#code=" + "A" * 43,
    "half a link": "parlour://127.0.0.1:1/join",
    "control characters": "parlour://127.0.0.1:1/join#code=\x1b]0;x\x07",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_a_wrong_link(tmp_path: Path, link: str) -> None:
    """Refused before anything is made or asked, and shown without what could control a terminal."""
    home = tmp_path / "home"
    words = ["--home", str(home), "join", link, "--username", "ada", "--password-stdin"]
    said = told(commands.run("parlour_client", *words, stdin=f"{password('ada')}\n"), 1)
    assert "\x1b" not in said
    assert not home.exists()


def test_an_invite_that_is_used_up(server: Server, tmp_path: Path) -> None:
    """The link is whole, the server refuses it, and says to ask for a new one."""
    link = json.loads(server.command("invite", "create", "--uses", "1", "--json"))["link"]
    words = ["join", link, "--password-stdin", "--username"]
    first, second = Person(tmp_path / "one", server), Person(tmp_path / "two", server)
    first.run(*words, "first", stdin=f"{password('first')}\n")
    said = told(second.run(*words, "second", stdin=f"{password('second')}\n", check=False), 1)
    assert "Ask for a new one" in said


@pytest.mark.parametrize("what", ["archive.db", "archive.key"])
def test_a_damaged_archive(ada: Person, tmp_path: Path, what: str) -> None:
    """Told with what to do; following it, everything is there again and nothing was lost."""
    sent = json_lines(ada.run("send", "lobby", "kept by the server", "--json").stdout)[0]["seq"]
    home = tmp_path / "home"
    shutil.copytree(ada.home, home)
    home.chmod(0o700)
    person, broken = Person(home, ada.server), home / what
    damaged = bytearray(broken.read_bytes())
    damaged[len(damaged) // 3 : len(damaged) // 2] = bytes(len(damaged) // 2 - len(damaged) // 3)
    broken.write_bytes(damaged)
    assert "Move archive.* out" in told(person.run("send", "lobby", "x", check=False), 1)
    for path in home.glob("archive.*"):
        path.rename(tmp_path / path.name)
    where = f"127.0.0.1:{ada.server.port}"
    login = ["login", where, "--username", "ada", "--ca", str(ada.server.data / "ca.pem"), "--password-stdin"]
    person.run(*login, stdin=f"{password('ada')}\n")
    found = person.run("tail", "lobby", "--json", "--from", str(sent), "--count", "1")
    assert json.loads(found.stdout)["text"] == "kept by the server"


def test_a_home_that_is_none(tmp_path: Path) -> None:
    """A file instead of a folder, and a folder that others can read with something in it, are refused."""
    (tmp_path / "file").touch()
    assert "is a file" in told(commands.run("parlour_client", "--home", str(tmp_path / "file"), "logout"), 2)
    (tmp_path / "photos").mkdir(mode=0o755)
    (tmp_path / "photos" / "cat.png").touch()
    said = told(commands.run("parlour_client", "--home", str(tmp_path / "photos"), "logout"), 1)
    assert str(tmp_path / "photos") in said


def test_user_enumeration(server: Server, tmp_path: Path) -> None:
    """P4: wrong password, unknown user, disabled account: one status, one body, the same headers."""
    Person(tmp_path / "home", server).join("peter")
    server.command("user", "disable", "peter")
    context = ssl.create_default_context(cafile=os.fspath(server.data / "ca.pem"))
    answers = set()
    Person(tmp_path / "other", server).join("olga")
    wrong = "quite another password"
    for user, word in (("olga", wrong), ("rupert", wrong), ("peter", wrong), ("peter", password("peter"))):
        connection = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=DEADLINE)
        with closing(connection):
            body = {"username": user, "password": word, "device": "probe"}
            connection.request("POST", "/v1/sessions", json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answers.add((response.status, tuple(response.getheaders()), response.read()))
    [(status, _, body_of_all)] = answers
    assert status == 401
    assert json.loads(body_of_all)["error"] == "login_refused"


@contextmanager
def relay(port: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """Give a port that leads to ``port``, and what cuts every connection through it."""
    loop = asyncio.new_event_loop()
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, far_writer))
        try:
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)
        finally:
            writer.transport.abort()
            far_writer.transport.abort()

    def cut() -> None:
        for writer in writers:
            loop.call_soon_threadsafe(writer.transport.abort)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = loop.run_until_complete(asyncio.start_server(lead, sock=listener))
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield listener.getsockname()[1], cut
        finally:
            asyncio.run_coroutine_threadsafe(_end(server), loop).result(DEADLINE)
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    own = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not own]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # aborted transports close their sockets in the next turn


def test_a_dropped_network(server: Server, ada: Person, tmp_path: Path) -> None:
    """Connections that die in mid-send are made again; every line is stored once, in order, acknowledged."""
    with relay(server.port) as (port, cut):
        names = f'["localhost", "127.0.0.1", "127.0.0.1:{port}"]'
        (server.data / "parlour.toml").write_text(f"[listen]\nnames = {names}\n")
        server.kill(signal.SIGTERM)
        server.start()
        person = Person(tmp_path / "home", server)
        login = ["login", f"127.0.0.1:{port}", "--username", "ada", "--ca", str(server.data / "ca.pem")]
        person.run(*login, "--password-stdin", stdin=f"{password('ada')}\n")
        sending = person.begin("send", "lobby", "--stdin", "--json")
        lines = [f"over a bad line {number}" for number in range(40)]
        acknowledged = []
        with sending.stdin, sending.stdout, sending.stderr:
            for first in (0, 20):
                sending.stdin.write("\n".join(lines[first : first + 20]) + "\n")
                sending.stdin.flush()
                acknowledged.append(json.loads(sending.stdout.readline())["seq"])
                cut()
            sending.stdin.close()
            acknowledged += [line["seq"] for line in json_lines(sending.stdout.read())]
            assert sending.wait(DEADLINE) == 0, sending.stderr.read()
    count = str(len(lines))
    found = json_lines(
        ada.run("tail", "lobby", "--json", "--from", str(acknowledged[0]), "--count", count).stdout
    )
    assert [line["text"] for line in found] == lines
    assert [line["seq"] for line in found] == acknowledged
