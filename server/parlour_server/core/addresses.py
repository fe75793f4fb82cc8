"""Addresses of clients, and addresses to listen on.

``plain_address`` normalises an address; ``listen_address`` parses the `host:port` of the configuration,
``split_name`` its names, and ``Networks`` its load balancers. Nothing here queries DNS.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from parlour_server.core.errors import SetupError

_LAST_PORT: Final = 65_535
_PORT: Final = re.compile(r"[0-9]{1,5}")
_WITH_PORT: Final = re.compile(r"(\[[^\]]+\]|[^:]+):([0-9]{1,5})")
_LONGEST_NAME: Final = 253
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a host that ends in one is an address for browsers
_HOST_NAME: Final = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
)


def plain_address(host: str) -> str:
    """Return the address without its zone, and an IPv4-mapped IPv6 address as IPv4."""
    return str(_plain(host.partition("%")[0]))


def _plain(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; IPv4-mapped IPv6 becomes IPv4. Raises ValueError.

    What a mapped address is (loopback, unspecified) depends on the version of Python.
    """
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def listen_address(text: str) -> tuple[str, int]:
    """Read `host:port` or `[v6]:port`. Raises SetupError."""
    host, separator, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise SetupError(f"{text!r}: put an IPv6 address in brackets, as in [::1]:8443")
    if not separator or not host or not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise SetupError(f"{text!r} is not an address to listen on; write host:port, as in 127.0.0.1:8443")
    refuse_no_host(host)
    return host, int(port)


def in_url(host: str) -> str:
    """Return a host as it is written before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def split_name(name: str) -> tuple[str, int | None]:
    """Split a name of the server: its host, an IPv6 address without brackets, and its port if it has one."""
    found = _WITH_PORT.fullmatch(name)
    host, port = (found[1], int(found[2])) if found else (name, None)
    return host[1:-1] if host.startswith("[") and host.endswith("]") and ":" in host else host, port


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the host."""
    try:
        return _plain(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unspecified(host: str) -> bool:
    """Return whether the host stands for all addresses of this machine."""
    try:
        return _plain(host).is_unspecified
    except ValueError:
        return False


def refuse_no_host(text: str) -> None:
    """Raise SetupError unless the text is a host name (RFC 1123 section 2.1) or a bare IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if len(text) > _LONGEST_NAME or not _HOST_NAME.fullmatch(text):
            how = (
                "write one like chat.example.org, or an IP address"
                if text.isascii()
                else "write names with non-ASCII letters in their xn-- form"
            )
            raise SetupError(f"{text!r} is not a host name; {how}") from None


def refuse_no_name(text: str) -> None:
    """Raise SetupError unless people can connect to the text: a host, which may have a port of its own."""
    host, port = split_name(text)
    refuse_no_host(host)
    if "%" in host:
        raise SetupError(f"{text!r} has a zone, which other machines do not see; leave it out")
    if port is not None and not 0 < port <= _LAST_PORT:
        raise SetupError(f"{text!r} has no valid port; write one from 1 to {_LAST_PORT}, or leave it out")


def refuse_no_origin(text: str, *, is_development: bool) -> None:
    """Raise SetupError unless a browser sends exactly this as the Origin of a page that nobody can change.

    ``is_development``: this may be one over HTTP on this machine, too.
    """
    scheme, separator, rest = text.partition("://")
    if "*" in text:
        raise SetupError(f"{text!r} would allow pages of others; name each Origin: https://app.example.org")
    if text == "null":
        raise SetupError("'null' is sent by local files and by frames of any page; it can't be allowed")
    if not separator or rest.rstrip("/") == "" or scheme not in {"http", "https"}:
        raise SetupError(f"{text!r} is not an Origin; write https://host or https://host:port")
    if found := re.search(r"[/?#@]", rest):
        raise SetupError(f"{text!r} has more than a host and a port; leave out what begins with {found[0]!r}")
    host, port = split_name(rest)
    refuse_no_host(host)
    default = 443 if scheme == "https" else 80
    is_address = ":" in host or _NUMBER.fullmatch(host.lower().rpartition(".")[2])
    try:
        as_sent = in_url(plain_address(host) if is_address else host.lower())
    except ValueError:  # 127.1 and 0x7f.1 are sent as 127.0.0.1
        as_sent = ""
    if text != f"{scheme}://{as_sent}" + ("" if port in {None, default} else f":{port}"):
        raise SetupError(
            f"{text!r} is not as browsers send it; write lower case, addresses in full, and no port that"
            f" {scheme} has anyway"
        )
    if port is not None and not 0 < port <= _LAST_PORT:
        raise SetupError(f"{text!r} has no valid port; write one from 1 to {_LAST_PORT}, or leave it out")
    if scheme == "http" and not (is_development and is_loopback(host)):
        raise SetupError(
            f"{text!r} is not encrypted; write https (http is for localhost, while the server listens on"
            " loopback only)"
        )


class Networks:
    """The addresses and networks that a setting names; ``in`` tells whether an address is among them."""

    def __init__(self, setting: str, texts: Iterable[str]) -> None:
        """Read addresses (`192.0.2.7`) and networks (`10.0.0.0/8`). Raises SetupError, naming ``setting``."""
        self._networks = tuple(_network(setting, text) for text in texts)

    def __contains__(self, address: str) -> bool:
        """Return whether the setting names this plain address."""
        found = ipaddress.ip_address(address)
        return any(found.version == network.version and found in network for network in self._networks)


def _network(setting: str, text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise SetupError(
            f"{setting}: {text!r} is not an address or a network; write 192.0.2.7 or 10.0.0.0/8"
        ) from None
    if not network.prefixlen:
        raise SetupError(
            f"{setting}: {text} matches every address, so anyone could claim to be anyone; name only your "
            "load balancer"
        )
    return network
