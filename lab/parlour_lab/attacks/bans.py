"""Addresses and networks that the operator banned."""

import ipaddress
import struct
import time

from parlour_lab.attack import Evidence, attack
from parlour_lab.target import LabServer
from parlour_lab.wire import Wire

_BANNED = "127.0.0.77"
"""An address of this machine that no other attack has (Linux has all of 127.0.0.0/8)."""
_SECONDS = 2.0
"""A ban is known to a running server within half a second."""


@attack(
    "Someone whose address is banned goes on with an open connection, and opens another one",
    expects="The open connection ends, and a new one is closed before TLS.",
)
def banned_address(server: LabServer, seen: Evidence) -> bool:
    with server.chatting(server.session(), source=_BANNED) as (wire, _):
        _ban(server, seen, _BANNED, "--including-loopback")
        is_open = not _ends(wire)
        seen.observed(f"the open connection {'goes on' if is_open else 'ended'}")
    try:
        with server.wire(source=_BANNED):
            seen.received("the server's certificate, over TLS")
            return False
    except OSError as error:  # SSLError is one, too
        seen.received(f"no TLS: {error}")
    return not is_open


@attack(
    "Someone whose network is banned comes through the load balancer",
    expects="They are refused before TLS by the address in the PROXY header, and no one else is.",
    settings='[listen]\nproxies = ["127.0.0.0/8"]\n',
)
def banned_behind_balancer(server: LabServer, seen: Evidence) -> bool:
    _ban(server, seen, "203.0.113.0/24")
    end = time.monotonic() + _SECONDS
    while is_served := _gets_tls(server, "203.0.113.7"):
        if time.monotonic() > end:
            break
        time.sleep(0.05)  # another process reads the ban
    others = _gets_tls(server, "192.0.2.1")
    seen.received(f"203.0.113.7 gets {'TLS' if is_served else 'nothing'}, 192.0.2.1 gets {others and 'TLS'}")
    return others and not is_served


def _ban(server: LabServer, seen: Evidence, network: str, *options: str) -> None:
    status, said = server.operate("address", "ban", network, *options)
    assert status == 0, said
    seen.sent(f"parlour-server address ban {network}")


def _ends(wire: Wire) -> bool:
    """Return whether the server ends a connection in time."""
    end = time.monotonic() + _SECONDS
    try:
        while (left := end - time.monotonic()) > 0:
            wire.socket.settimeout(left)
            wire.frame()
    except TimeoutError:
        return False
    except (EOFError, OSError):
        return True
    return False


def _gets_tls(server: LabServer, client: str) -> bool:
    source = ipaddress.ip_address(client).packed
    ports = struct.pack("!HH", 40_000, server.port)
    header = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, 12) + source + source + ports
    with server.plain() as raw:
        raw.sendall(header)
        try:
            server.trusting.wrap_socket(raw, server_hostname=server.name).close()
        except OSError:
            return False
    return True
