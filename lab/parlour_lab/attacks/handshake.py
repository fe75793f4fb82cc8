"""Group H: what comes before the first frame."""

from parlour_lab.attack import Evidence, attack
from parlour_lab.wire import ServerAddress

_FOREIGN = (
    "https://evil.example",
    "null",
    "",
    "https://app.example.evil",
    "https://evil.app.example",
    "HTTPS://APP.EXAMPLE",
)


@attack(
    "A page of another site opens a WebSocket with a good ticket",
    expects="Each is answered 403, and the ticket is still good for its owner.",
    remote=True,
)
def foreign_page(server: ServerAddress, seen: Evidence) -> bool:
    ticket = f"Bearer {server.ticket(server.session())}"
    for origin in _FOREIGN:
        with server.wire() as wire:
            head = server.head(authorization=ticket, origin=origin)
            seen.sent(head)
            answer = wire.ask(head)
            seen.received(answer)
        if answer.status != 403:
            return False
    with server.wire() as wire:
        return wire.ask(server.head(authorization=ticket)).status == 101
