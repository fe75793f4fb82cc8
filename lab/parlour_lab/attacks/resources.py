"""Group R and others: what one attacker can take from everyone."""

from contextlib import ExitStack

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import STRANGER, LabServer


@attack(
    "A hundred connections from one address",
    expects="Those above the limit of 64 are closed at once, before TLS.",
    stage=Stage.OWN_SERVER,
    settings="[connections]\ntls_seconds = 30\n",
)
def connections_of_one_address(server: LabServer, seen: Evidence) -> bool:
    with ExitStack() as stack:
        opened = [stack.enter_context(server.plain(source=STRANGER)) for _ in range(100)]
        with server.wire() as wire:  # from elsewhere: by now the server has taken all of them
            assert wire.ask(server.head("GET /healthz HTTP/1.1")).status == 204
        alive = 0
        for raw in opened:
            raw.settimeout(0.05)
            try:
                alive += raw.recv(1) != b""
            except TimeoutError:
                alive += 1
            except ConnectionError:
                pass
    seen.sent(f"100 connections from {STRANGER}")
    seen.observed(f"{alive} of them are still open")
    return alive == 64
