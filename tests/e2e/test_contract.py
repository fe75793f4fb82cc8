"""The contract, played with processes: what an operator, a person and a script type, and what they get."""

import base64
import http.client
import json
import os
import secrets
import select
import signal
import ssl
from pathlib import Path

import pytest
from tests.e2e.processes import DEADLINE, Person, Server, json_lines, password, rest_of

from parlour_protocol.frames.replies import Hello
from parlour_protocol.frames.wire import decode_server_frame


def test_send_means_on_the_servers_disk(server: Server, ada: Person) -> None:
    """Exit status 0 and a number; after `kill -9` of the server the message is still there."""
    sent = json_lines(ada.run("send", "lobby", "kept for good", "--json").stdout)
    assert [sorted(line) for line in sent] == [["at", "outcome", "room", "room_id", "seq", "without"]]
    server.kill()
    server.start()
    (found,) = json_lines(
        ada.run("tail", "lobby", "--json", "--from", str(sent[0]["seq"]), "--count", "1").stdout
    )
    assert (found["seq"], found["author"], found["text"]) == (sent[0]["seq"], "ada", "kept for good")


def test_a_line_for_each_message_as_they_come(ada: Person) -> None:
    """`send --stdin --json`: an acknowledgement follows its line while the input stays open, in order."""
    sending = ada.begin("send", "lobby", "--stdin", "--json")
    numbers = []
    for text in ("one", "two", "three"):
        sending.stdin.write(f"{text}\n")
        sending.stdin.flush()
        assert select.select([sending.stdout], [], [], DEADLINE)[0]
        numbers.append(json.loads(sending.stdout.readline())["seq"])
    rest, errors = sending.communicate("\nfour\n" + "x" * 9_000 + "\nfive\n", timeout=DEADLINE)
    outcomes = [line["outcome"] for line in json_lines(rest)]
    assert sorted(map(str, outcomes)) == ["refused", "stored", "stored"]
    numbers += [line["seq"] for line in json_lines(rest) if line["outcome"] == "stored"]
    assert numbers == list(range(numbers[0], numbers[0] + 5))
    assert sending.returncode == 1
    assert "cannot be sent" in errors


@pytest.mark.long
def test_the_line_mode_says_what_became_of_each_line(server: Server, ada: Person) -> None:
    """At the end of its input: stored under a number, or kept for the next time, which is status 1."""
    done = ada.run("--plain", stdin="/go lobby\nlast words\n")
    assert done.stdout.splitlines()[-1].startswith("sent as ")
    server.kill()
    done = ada.run("--plain", stdin="/go lobby\ninto the void\n", check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "not sent yet: it is sent the next time."
    server.start()
    done = ada.run("--plain", stdin="/go lobby\nand again\n")
    lines = json_lines(ada.run("export", "lobby", "--json").stdout)
    texts = [line["text"] for line in lines if line["kind"] == "message"]
    assert texts[-2:] == ["into the void", "and again"]


def test_two_people_talk(ada: Person, ben: Person) -> None:
    """`tail` prints live what another sends, each message once, ASCII alone."""
    tailing = ben.begin("tail", "lobby", "--json", "--count", "3", "--from", "1", "--events")
    first = ada.run("send", "lobby", "hello \x1b]0;gotcha\x07 \u202e caf\u00e9", "--json")
    out, _ = tailing.communicate(timeout=DEADLINE)
    assert tailing.returncode == 0
    assert [line["seq"] for line in json_lines(out)] == [1, 2, 3]
    number = json_lines(first.stdout)[0]["seq"]
    heard = ben.run("tail", "lobby", "--json", "--count", "1", "--from", str(number)).stdout
    assert json.loads(heard)["text"] == "hello \x1b]0;gotcha\x07 \u202e caf\u00e9"
    assert heard.isascii()
    assert heard.strip().isprintable()
    shown = ben.run("tail", "lobby", "--count", "1", "--from", str(number)).stdout
    assert "hello ⟦ESC⟧]0;gotcha⟦BEL⟧" in shown


def test_a_tail_goes_on_over_a_restart_of_the_server(server: Server, ada: Person, ben: Person) -> None:
    """Killed and started again in mid-traffic: nothing acknowledged is lost, and nothing comes twice."""
    begin = json_lines(ada.run("send", "lobby", "before", "--json").stdout)[0]["seq"]
    tailing = ben.begin("tail", "lobby", "--json", "--count", "41", "--from", str(begin))
    heard = tailing.stdout.readline()  # it follows the room before the server goes away
    sending = ada.begin("send", "lobby", "--stdin", "--json")
    sending.stdin.write("".join(f"line {number}\n" for number in range(20)))
    sending.stdin.flush()
    acknowledged = [json.loads(sending.stdout.readline())["seq"] for _ in range(10)]
    server.kill()
    server.start()
    rest = rest_of(sending, [f"line {number}" for number in range(20, 40)])
    acknowledged += [json.loads(line)["seq"] for line in rest]
    with tailing.stdin, tailing.stdout, tailing.stderr:
        found = json_lines(heard + tailing.stdout.read())  # not communicate(): readline has read ahead
        assert tailing.wait(DEADLINE) == 0, tailing.stderr.read()
    assert [line["text"] for line in found] == ["before", *(f"line {number}" for number in range(40))]
    assert [line["seq"] for line in found[1:]] == acknowledged


def test_what_scripts_are_refused_does_not_pile_up(ada: Person, ben: Person) -> None:
    """The outbox keeps a hundred of it for the person; what is too much is said, and the exit status is 1."""
    ada.run("room", "create", "quiet")
    ben.run("room", "join", "quiet")
    ada.run("room", "mute", "quiet", "ben")
    lines = "".join(f"line {number}\n" for number in range(110))
    done = ben.run("send", "quiet", "--stdin", stdin=lines, check=False)
    assert done.returncode == 1
    assert "is in the outbox: press F7 in the chat" in done.stderr
    assert "was not kept" in done.stderr
    unsent = ben.run("chat", "--plain", stdin="/unsent\n").stdout
    assert sum("/retry" in line for line in unsent.splitlines()) == 100
    assert "was not kept" in ben.run("send", "quiet", "one more", check=False).stderr


def test_removing_a_topic_and_leaving_a_room_need_an_option(ada: Person) -> None:
    """Without a text the topic is printed; an empty one is refused; scripts leave a room with --yes only."""
    ada.run("room", "create", "study", "--topic", "books")
    assert ada.run("room", "topic", "study").stdout == "books\n"
    refused = ada.run("room", "topic", "study", "", check=False)
    assert (refused.returncode, "--clear" in refused.stderr) == (2, True)
    assert ada.run("room", "topic", "study").stdout == "books\n"
    ada.run("room", "topic", "study", "--clear")
    assert ada.run("room", "topic", "study").stdout == "\n"
    stays = ada.run("room", "leave", "study", check=False)
    assert (stays.returncode, "--yes" in stays.stderr) == (2, True)
    ada.run("room", "leave", "study", "--yes")


def test_search_names_a_room_that_was_left(ada: Person) -> None:
    """Its history stays, and so does what it was called; a search that shows not all says so."""
    ada.run("room", "create", "attic")
    ada.run("send", "attic", "moths and dust")
    ada.run("send", "attic", "more moths")
    ada.run("tail", "attic", "--count", "2", "--from", "1")
    ada.run("room", "leave", "attic", "--yes")
    newest = ada.run("search", "moths", "--limit", "1")
    assert newest.stdout.endswith(" attic #3 ada: more moths\n")  # behind the day and the time
    assert "There are more" in newest.stderr
    both = ada.run("search", "moths", "--limit", "2")
    assert both.stdout.startswith(newest.stdout)
    assert both.stdout.endswith(" attic #2 ada: moths and dust\n")
    assert not both.stderr


def test_a_ticket_opens_one_socket_once(server: Server) -> None:
    """Session, ticket, 101 and the hello; the second use of the ticket is 401."""
    session = post(
        server, "/v1/sessions", {"username": "ada", "password": password("ada"), "device": "probe"}, 201
    )
    assert set(session) == {"session", "expires_in", "user"}
    ticket = post(server, "/v1/tickets", None, 201, bearer=str(session["session"]))
    assert set(ticket) == {"ticket", "expires_in"}
    assert 0 < int(str(ticket["expires_in"])) <= 30
    assert upgrade(server, str(ticket["ticket"])) == 101
    assert upgrade(server, str(ticket["ticket"])) == 401


def test_a_wrong_room_a_wrong_flag_and_no_account(ada: Person, tmp_path: Path, server: Server) -> None:
    """One sentence and what to do; 1 for what went wrong, 2 for what was not understood."""
    done = ada.run("send", "nowhere", "hello", check=False)
    assert done.returncode == 1
    assert "Join it first: parlour room join nowhere" in done.stderr
    assert ada.run("send", "--no-such-flag", check=False).returncode == 2
    nobody = Person(tmp_path / "empty", server).run("send", "lobby", "hello", check=False)
    assert nobody.returncode == 1
    assert "parlour join LINK" in nobody.stderr


@pytest.mark.long
def test_a_server_that_is_not_there(server: Server, ada: Person) -> None:
    """A clear sentence within the command's patience, and nothing is sent later behind the person's back."""
    server.kill()
    done = ada.run("send", "lobby", "never arrives", check=False)
    assert done.returncode == 1
    assert "Nothing is listening" in done.stderr
    server.start()
    number = json_lines(ada.run("send", "lobby", "after", "--json").stdout)[0]["seq"]
    out = ada.run("export", "lobby", "--json").stdout
    assert [line for line in json_lines(out) if line.get("text") == "never arrives"] == []
    assert json_lines(out)[-1]["seq"] == number


def test_the_password_is_nowhere_in_the_home(ada: Person) -> None:
    """Neither the password nor a message lies in plain form in any file (K10, P9)."""
    ada.run("send", "lobby", "CANARYmessage")
    for path in ada.home.iterdir():
        content = path.read_bytes()
        assert password("ada").encode() not in content
        assert b"CANARYmessage" not in content
        assert path.stat().st_mode & 0o077 == 0


def test_an_interrupt_is_quiet(ada: Person, ben: Person) -> None:
    """Ctrl+C ends a tail without a traceback."""
    ada.run("send", "lobby", "something to print")
    tailing = ben.begin("tail", "lobby", "--json", "--from", "1")
    tailing.stdout.readline()
    tailing.send_signal(signal.SIGINT)
    _, errors = tailing.communicate(timeout=DEADLINE)
    assert tailing.returncode == 130
    assert errors.strip() == ""  # click ends the line of the ^C


def test_a_reader_that_goes_away_is_no_fault(ada: Person, ben: Person) -> None:
    """`parlour export … | head -1` ends quietly."""
    ada.run("send", "lobby", "something to export")
    tailing = ben.begin("export", "lobby", "--json")
    tailing.stdout.readline()
    tailing.stdout.close()
    assert tailing.stderr.read() == ""
    assert tailing.wait(DEADLINE) in {0, 1}
    tailing.stderr.close()
    tailing.stdin.close()


def test_an_ended_session_says_log_in_again(server: Server, ben: Person) -> None:
    """After a logout the client says what to do, and a login on the same home goes on."""
    ben.run("logout")
    done = ben.run("send", "lobby", "hello", check=False)
    assert done.returncode == 1
    assert f"parlour --home {ben.home} login 127.0.0.1:{server.port} --username ben" in done.stderr
    arguments = ["login", f"127.0.0.1:{server.port}", "--username", "ben", "--password-stdin"]
    assert ben.run(*arguments, stdin="a wrong password of ben\n", check=False).returncode == 1
    ben.run(*arguments, stdin=f"{password('ben')}\n")
    ben.run("send", "lobby", "back again")


@pytest.mark.usefixtures("ada")  # the account that logs in a second time
def test_a_ca_file_does_instead_of_a_pin(server: Server, tmp_path: Path) -> None:
    """`login --ca FILE` knows the server by its authority; without it a private authority is not accepted."""
    other = Person(tmp_path / "home", server)
    arguments = ["login", f"localhost:{server.port}", "--username", "ada", "--password-stdin"]
    refused = other.run(*arguments, stdin=f"{password('ada')}\n", check=False)
    assert refused.returncode == 1
    assert "Nothing was sent" in refused.stderr
    other.run(*arguments, "--ca", str(server.data / "ca.pem"), stdin=f"{password('ada')}\n")
    other.run("send", "lobby", "by another road")


def post(server: Server, path: str, body: object, status: int, *, bearer: str = "") -> dict[str, object]:
    """Make one call of the HTTPS API."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, context=trusting(server), timeout=DEADLINE
    )
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    connection.request("POST", path, json.dumps(body) if body is not None else None, headers)
    response = connection.getresponse()
    answer: dict[str, object] = json.loads(response.read())
    connection.close()
    assert response.status == status, answer
    return answer


def upgrade(server: Server, ticket: str) -> int:
    """Knock with a ticket and return the status; a 101 is followed by the hello."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", server.port, context=trusting(server), timeout=DEADLINE
    )
    connection.connect()
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    connection.sock.sendall(
        f"GET /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: parlour.v1\r\n"
        f"Authorization: Bearer {ticket}\r\n\r\n".encode()
    )
    stream = connection.sock.makefile("rb")
    status = int(stream.readline().split()[1])
    while stream.readline().strip():
        pass
    if status == 101:
        head = stream.read(2)
        length = head[1] if head[1] < 126 else int.from_bytes(stream.read(2), "big")
        assert isinstance(decode_server_frame(stream.read(length)), Hello)
    stream.close()
    connection.close()
    return status


def trusting(server: Server) -> ssl.SSLContext:
    """Return a context that trusts the server's own authority."""
    return ssl.create_default_context(cafile=os.fspath(server.data / "ca.pem"))
