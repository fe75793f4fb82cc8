"""Invite links: `parlour://host:port/join#code=…&pin=…`, everything needed to join; and links to log in.

It is all in the fragment, which is never part of an HTTP request. The pin is the SHA-256 of the server's
public key (SubjectPublicKeyInfo, DER): with it the client identifies the server before it sends a credential.
Any other form of link is refused.
"""

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.secret import Secret

DEFAULT_PORT: Final = 8443
DEFAULT_SCHEME: Final = "parlour"
_HOST: Final = re.compile(
    r"(?:(?=[A-Za-z0-9].{0,253}\Z)(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}(?<!-)"
    r"|(?=.{2,45}\Z)[0-9a-fA-F.]*:[0-9a-fA-F:.]*)\Z"
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_PIN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_MAX_LINK: Final = 1024
_LOGIN: Final = "/login"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server listens: a host name or an IP address without brackets, and a TCP port."""

    host: str
    port: int

    def __post_init__(self) -> None:
        """Check the host and the port. Raises InvalidLinkError."""
        if not _HOST.match(self.host) or not 0 < self.port < 65536:  # noqa: PLR2004 - TCP
            raise InvalidLinkError("the address is not a host name or IP address with a port")

    @property
    def authority(self) -> str:
        """`host:port`, an IPv6 address in brackets: as in a URL and in the Host header."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> "ServerAddress":
        """Read `host`, `host:port` or `[v6]:port`. Raises InvalidLinkError."""
        try:
            parts = urlsplit(f"//{text.strip()}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port, parts = None, None, None
        if not host or parts is None or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
            raise InvalidLinkError("the address should look like chat.example.org or chat.example.org:8443")
        return cls(host, DEFAULT_PORT if port is None else port)


@dataclass(frozen=True, slots=True)
class InviteLink:
    """An invitation to a server.

    ``code`` creates an account. ``pin`` may be absent if every system trusts the certificate. ``scheme`` is
    the program's own, so a link to one program is never used for another.
    """

    address: ServerAddress
    code: Secret
    pin: str | None = None
    scheme: str = DEFAULT_SCHEME

    def __str__(self) -> str:
        return self.text()

    def text(self, **more: str) -> str:
        """Return the link, with the program's own fields in ``more``."""
        fields = {"code": self.code.reveal()} | ({"pin": self.pin} if self.pin else {}) | more
        return f"{self.scheme}://{self.address.authority}/join#{urlencode(fields)}"

    @classmethod
    def parse(cls, text: str, scheme: str = DEFAULT_SCHEME) -> "InviteLink":
        """Read a link. Raises InvalidLinkError with a sentence that says what is wrong."""
        link, _ = cls.parse_with(text, frozenset(), scheme)
        return link

    @classmethod
    def parse_with(
        cls, text: str, more: frozenset[str], scheme: str = DEFAULT_SCHEME
    ) -> tuple["InviteLink", dict[str, str]]:
        """Read a link that may have the program's own fields ``more``, and return those it has.

        Raises InvalidLinkError with a sentence that says what is wrong.
        """
        path, address, found = _parts(text, scheme, {"code", "pin"} | more)
        if path != "/join":
            raise InvalidLinkError("this is not a link to join a server")
        code, pin = found.pop("code", ""), found.pop("pin", None)
        if not _TOKEN.match(code) or (pin is not None and not _PIN.match(pin)):
            raise InvalidLinkError("the link is damaged: its code or its pin has the wrong form")
        return cls(address, Secret(code), pin, scheme), found


@dataclass(frozen=True, slots=True)
class LoginLink:
    """`parlour://host:port/login#user=…&pin=…`: where to log in with an account that exists.

    It has no secret: it spares a new device the address, the name and the question who the server is.
    """

    address: ServerAddress
    user: UserName
    pin: str | None = None
    scheme: str = DEFAULT_SCHEME

    def __str__(self) -> str:
        fields = {"user": str(self.user)} | ({"pin": self.pin} if self.pin else {})
        return f"{self.scheme}://{self.address.authority}{_LOGIN}#{urlencode(fields)}"

    @staticmethod
    def is_one(text: str) -> bool:
        """Say whether a text looks like such a link, rather than like an invite link."""
        return f"{_LOGIN}#" in text

    @classmethod
    def parse(cls, text: str, scheme: str = DEFAULT_SCHEME) -> "LoginLink":
        """Read a link. Raises InvalidLinkError with a sentence that says what is wrong."""
        path, address, found = _parts(text, scheme, {"user", "pin"})
        pin = found.get("pin")
        if path != _LOGIN:
            raise InvalidLinkError("this is not a link to log in to a server")
        if pin is not None and not _PIN.match(pin):
            raise InvalidLinkError("the link is damaged: its pin has the wrong form")
        try:
            return cls(address, parse_user_name(found.get("user", "")), pin, scheme)
        except NameRefusedError as error:
            raise InvalidLinkError("the link is damaged: it has no name") from error


def _parts(text: str, scheme: str, names: AbstractSet[str]) -> tuple[str, ServerAddress, dict[str, str]]:
    """Return a link's path, address and fields, each at most once and none but ``names``."""
    text = text.strip()
    if not text.startswith(f"{scheme}://") or len(text) > _MAX_LINK:
        raise InvalidLinkError("an invite link begins with {scheme}:// and is one line", scheme=scheme)
    try:
        parts = urlsplit(text)
        # blank values are kept so that an empty pin is refused, not taken for no pin
        fields = parse_qs(parts.fragment, keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError as error:
        raise InvalidLinkError("the link is damaged: paste it whole, up to its last character") from error
    if parts.query or not fields.keys() <= names:
        raise InvalidLinkError("this is not a link to join a server")
    if any(len(values) != 1 for values in fields.values()):
        raise InvalidLinkError("the link names a part twice")
    return parts.path, ServerAddress.parse(parts.netloc), {name: values[0] for name, values in fields.items()}
