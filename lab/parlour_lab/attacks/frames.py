"""Groups F and M: frames and requests of someone who has logged in."""

import json

from parlour_lab.attack import Evidence, attack
from parlour_lab.wire import ServerAddress, frame


@attack(
    "A message in five thousand empty fragments",
    expects="The connection is closed with 1009 before the message is whole.",
    remote=True,
)
def fragment_flood(server: ServerAddress, seen: Evidence) -> bool:
    message = json.dumps({"type": "rooms", "id": "probe-0000000001"}).encode()
    with server.chatting(server.session()) as (wire, _):
        flood = frame(1, message, fin=False) + frame(0, b"", fin=False) * 5_000 + frame(0, b"")
        seen.sent(flood[:120])
        seen.sent(f"5,002 frames in {len(flood):,} bytes")
        wire.send(flood)
        while True:
            try:
                opcode, payload = wire.frame()
            except EOFError:
                seen.received("the connection ended without a close frame")
                return True
            seen.received(payload)
            if opcode == 8:
                return int.from_bytes(payload[:2], "big") == 1009
            if opcode == 1 and json.loads(payload).get("re") == "probe-0000000001":
                return False
