"""Group M: what people send, and what is written down of it."""

import json
import resource
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from parlour_client.kit.widgets.safe import SafeStatic, peer
from parlour_lab.attack import Evidence, NotTriedError, Stage, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import PASSWORD, PATIENCE, ServerAddress, frame, request


@attack(
    "A request that two parsers would read differently: a name twice, NaN, a number as text",
    expects="Each is refused as malformed.",
    remote=True,
)
def parser_differential(server: ServerAddress, seen: Evidence) -> bool:
    with server.chatting(server.session()) as (wire, room):
        for message in (
            '{"type":"rooms","id":"probe-0000000001","id":"probe-0000000002"}',
            f'{{"type":"history","id":"probe-0000000001","room":"{room}","limit":"5"}}',
            f'{{"type":"history","id":"probe-0000000001","room":"{room}","limit":1.0}}',
        ):
            seen.sent(message)
            wire.send(frame(1, message.encode()))
            answer = json.loads(wire.frame()[1])
            seen.received(answer)
            if answer.get("code") != "malformed":
                return False
    return True


@attack(
    "A message in the markup by which the client styles its own words",
    expects="It is shown as it was written, and nothing in it acts.",
    stage=Stage.UNIT,
)
def markup(_folder: Path, seen: Evidence) -> bool:
    hostile = "[bold red]x[/] [@click=app.quit]y[/]"
    widget = SafeStatic(peer(hostile))
    seen.sent(hostile)
    shown = str(widget.visual)
    seen.received(shown)
    return hostile in shown


@attack(
    "Accounts whose names look like another's: Cyrillic letters, an invisible one, capitals",
    expects="None is made.",
)
def look_alikes(server: LabServer, seen: Evidence) -> bool:
    server.newcomer("ace")
    for name in ("\u0430\u0441\u0435", "\u0430ce", "ace\u200b", "ACE"):
        body = {"invite": server.invite_code, "username": name, "password": PASSWORD}
        answer = server.api("POST", "/v1/accounts", body)
        seen.sent(f"an account called {name}")
        seen.received(answer.status)
        if answer.status == 201:
            return False
    return True


@attack(
    "Names and paths with line breaks and terminal sequences, which end up in the log",
    expects="The log stays one line for each event, in printable ASCII.",
)
def log_injection(server: LabServer, seen: Evidence) -> bool:
    before = server.log_file.stat().st_size
    hostile = 'x\n{"event":"login_ok","user":"ada"}\x1b[2J\u202e'
    server.api("POST", "/v1/sessions", {"username": hostile, "password": hostile, "device": "probe"})
    with server.wire() as wire:
        wire.ask(b"GET /\x1b]0;PWN\x07 HTTP/1.1\r\n\r\n")
    with server.chatting(server.session()) as (wire, room):
        wire.send(request("invite", 1, room=room, user="nobody\x9b31m"))
        wire.frame()
    seen.sent(hostile)
    written = server.log_file.read_bytes()[before:].decode("latin-1")
    forged = [line for line in written.splitlines() if line.startswith('{"event":"login_ok","user":"ada"')]
    active = [char for char in written if not (" " <= char <= "~" or char == "\n")]
    seen.observed(f"{len(forged)} forged lines, {len(active)} characters that act")
    return not forged and not active


@attack(
    "A message is sent again on another connection, as after a break",
    expects="It is stored once, and both are answered with its number.",
    remote=True,
)
def repeated_send(server: ServerAddress, seen: Evidence) -> bool:
    number, numbers = secrets.randbelow(10**9), set()
    for _ in range(2):
        with server.chatting(server.session()) as (wire, room):
            wire.send(request("send", number, room=room, text="once"))
            answer = wire.told(f"probe-{number:010}")
        seen.received(answer)
        numbers.add(json.dumps(answer.get("result", {}).get("seq")))
    return len(numbers) == 1


@attack(
    "The disk is full when a message is sent",
    expects="Its sender is told that it was not stored, and no one else hears of it.",
    stage=Stage.OWN_SERVER,
)
def told_and_lost(server: LabServer, seen: Evidence) -> bool:
    if not hasattr(resource, "prlimit"):
        raise NotTriedError("Only Linux can limit the files of a running process.")
    with (
        server.chatting(server.session("ada")) as (ada, _),
        server.chatting(server.session()) as (wire, room),
    ):
        _, most = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (0, most))  # it can write no byte of a file now
        wire.send(request("send", 1, room=room, text="told and lost"))
        answer = wire.told("probe-0000000001")
        seen.received(answer)
        ada.send(request("rooms", 2))
        heard = b""
        while b"probe-0000000002" not in heard:
            heard += ada.frame()[1]
    told = b"told and lost" in heard
    with closing(sqlite3.connect(server.data / "parlour.db", timeout=PATIENCE)) as database:
        kept = database.execute("SELECT 1 FROM entries WHERE body LIKE '%told and lost%'").fetchone()
    seen.observed(
        f"ada {'was told' if told else 'heard nothing'}; {'it is' if kept else 'nothing is'} on disk"
    )
    return answer["type"] == "error" and not told and not kept


@attack(
    "The operator's account is used without a trace",
    expects="Each command leaves a line in the server's audit log, with who ran it.",
)
def operator_without_trace(server: LabServer, seen: Evidence) -> bool:
    before = server.log_file.stat().st_size
    seen.sent("parlour-server room create")
    status, said = server.operate("room", "create", f"hall-{secrets.randbelow(10**9)}")
    assert status == 0, said
    end = time.monotonic() + 6  # the server writes it within half a second
    while b"operator_action" not in server.log_file.read_bytes()[before:] and time.monotonic() < end:
        time.sleep(0.02)  # another process writes the log: there is no event to wait for
    written = server.log_file.read_bytes()[before:].decode()
    found = [line for line in written.splitlines() if "operator_action" in line]
    seen.observed(found[0] if found else "nothing in the log")
    return bool(found)
