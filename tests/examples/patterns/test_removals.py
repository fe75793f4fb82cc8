"""Each defence of a file, taken out: then its attack succeeds."""

from typing import Any

import pytest
from tests.examples.patterns.servers import PATTERNS, Change, Pattern, running
from tests.server.core.net.conftest import Pair

from parlour_server.testing import room_attacks, wire_attacks
from parlour_server.testing import target as targets

pytestmark = pytest.mark.long

BURN = {
    "fastapi": '    logins.burn(query.decode("latin-1"))\n',
    "channels": '    logins.burn(query.decode("latin-1"))\n',
    "websockets": "    logins.burn(query)\n",
    "aiohttp": "    logins.burn(request.query_string)\n",
}
HOSTS = {
    "fastapi": 'headers.getlist("host") != [HOST]',
    "channels": 'sent.get(b"host") != [HOST]',
    "websockets": "hosts != [host]",
    "aiohttp": 'request.headers.getall("Host", []) != [HOST]',
}
ORIGINS = {
    "fastapi": 'headers.getlist("origin") not in ([], [ORIGIN])',
    "channels": 'sent.get(b"origin", []) not in ([], [ORIGIN])',
    "websockets": "origins not in ([], [ORIGIN])",
    "aiohttp": 'request.headers.getall("Origin", []) not in ([], [ORIGIN])',
}
BODIES = {
    "fastapi": (
        '"transfer-encoding" in headers or int(headers.get("content-length", "0")) > BODY_BYTES',
        "False",
    ),
    "channels": (
        'b"transfer-encoding" in sent or int(sent.get(b"content-length", ["0"])[0]) > BODY_BYTES',
        "False",
    ),
    "aiohttp": ("client_max_size=BODY_BYTES", "client_max_size=0"),
}
SIZES = {
    "fastapi": ("    config.ws_max_size = FRAME_BYTES\n", ""),
    "channels": ("    config.ws_max_size = FRAME_BYTES\n", ""),
    "websockets": ("max_size=FRAME_BYTES", "max_size=None"),
    "aiohttp": ("max_msg_size=FRAME_BYTES", "max_msg_size=0"),
}
KEEPALIVES = {
    "fastapi": ("    config.ws_ping_interval = config.ws_ping_timeout = PING_SECONDS\n", ""),
    "channels": ("    config.ws_ping_interval = config.ws_ping_timeout = PING_SECONDS\n", ""),
    "websockets": ("ping_interval=PING_SECONDS", "ping_interval=None"),
    "aiohttp": ("heartbeat=PING_SECONDS", "heartbeat=None"),
}
REMOVALS: dict[str, tuple[Any, Change | dict[str, Change]]] = {
    "Host": (wire_attacks.test_wrong_host, {name: (text, "False") for name, text in HOSTS.items()}),
    "Origin": (
        lambda target: wire_attacks.test_wrong_origin(target, wire_attacks.EVIL),
        {name: (text, "False") for name, text in ORIGINS.items()},
    ),
    "burned tickets": (
        wire_attacks.test_ticket_in_the_url,
        {name: (text, "") for name, text in BURN.items()},
    ),
    "URLs in no log": (
        wire_attacks.test_ticket_in_the_url,
        dict.fromkeys(("fastapi", "channels"), (', log_level="warning"', "")),
    ),
    "size of bodies": (room_attacks.test_body_of_a_login, BODIES),
    "size of frames": (wire_attacks.test_oversized_frame, SIZES),
    "type of frames": (
        wire_attacks.test_binary_frame,
        {"websockets": ("isinstance(received, bytes)", "False")},
    ),
    "pings": (room_attacks.test_silent_peer, KEEPALIVES),
    "budget of pings": (wire_attacks.test_ping_flood, {"aiohttp": ("pings.take(monotonic())", "False")}),
    "budget of messages": (room_attacks.test_flood, ("messages.take(user, monotonic())", "False")),
    "bounded queues": (room_attacks.test_slow_reader, ("waiting=WAITING_FRAMES", "waiting=0")),
    "wait for a ticket": (
        room_attacks.test_stranger_who_waits,
        ("first_frame_seconds=FIRST_FRAME_SECONDS", "first_frame_seconds=None"),
    ),
    "a type for text": (room_attacks.test_frames_of_another_shape, ("    text: Text\n", "    text: str\n")),
    "text that stays text": (
        lambda target: room_attacks.test_text_that_controls_a_screen(target, "safe\u202etxt.exe"),
        ("safe_text(read_say(frame).text).plain", "read_say(frame).text"),
    ),
}


CASES = [
    pytest.param(pattern, defence, change, id=f"{name}-{defence}")
    for pattern in PATTERNS
    for defence, (_, changes) in REMOVALS.items()
    for name in [pattern.name.removesuffix("_chat.py")]
    if (change := changes.get(name) if isinstance(changes, dict) else changes)
]


@pytest.mark.parametrize(("pattern", "defence", "change"), CASES)
async def test_an_attack_succeeds_without_its_defence(
    pattern: Pattern, defence: str, change: Change, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file has it; what a library does by itself is not in the file."""
    attack = REMOVALS[defence][0]
    monkeypatch.setattr(targets, "PATIENCE", 3.0)
    async with running(pattern, pair, change, attack=attack.__name__) as target:
        with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
            await attack(target)
