"""L27 over the wire: bodies of megabytes cost their sender's thread of the server, not everyone's loop."""

import json
import os
import sys
from pathlib import Path

import pytest
from tests.attacks.raw import RunningServer

from parlour_lab.keyed_device import Home, text
from parlour_lab.wire import request

COMMITS = 8
"""As many as the bytes that one account may send as commits in an hour (`rates.commit_bytes_per_hour`)."""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the CPU time of threads from /proc")
def test_a_flood_of_commits_of_seven_megabytes(server: RunningServer) -> None:
    """L27: what reads them is not the thread of the event loop, and a chat goes on beside it."""
    mallory = Home.of(server, "mallory").settle_in()
    body = json.dumps(
        {
            "request": "r" * 22,
            "group": "g" * 43,
            "epoch": 0,
            "data": text(bytes(256 * 1024)),
            "added": [mallory.device],
            "welcome": text(bytes(2**20)),
            "tree": text(bytes(4 * 2**20))[:-1] + "B",  # spare bits: refused at the very end
        }
    ).encode()
    head = (
        f"POST /v1/rooms/{'r' * 22}/commits HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
        f"Authorization: Bearer {mallory.session}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    before = _ticks_beside_the_loop(server)
    with server.wire() as wire, server.chatting(mallory.session) as (chat, _):
        for number in range(COMMITS):
            answer = wire.ask(head + body)
            assert (answer.status, json.loads(answer.body)["error"]) == (400, "malformed")
            chat.send(request("rooms", number))
            assert chat.told(f"probe-{number:010}")["type"] == "ok"
    milliseconds = (_ticks_beside_the_loop(server) - before) * 1000 / os.sysconf("SC_CLK_TCK")
    assert milliseconds > COMMITS * 20  # reading one takes 50 at least


def _ticks_beside_the_loop(server: RunningServer) -> int:
    """Return the CPU time of all threads but the first, which runs the event loop."""
    found = 0
    for task in Path(f"/proc/{server.pid}/task").iterdir():
        if task.name != str(server.pid):
            fields = (task / "stat").read_text().rpartition(") ")[2].split()
            found += int(fields[11]) + int(fields[12])
    return found
