"""Invite links: `parlour://host:port/join#code=…&pin=…&by=…`, everything needed to join.

It is all in the fragment, which is never part of an HTTP request. The pin is the SHA-256 of the server's
public key (SubjectPublicKeyInfo, DER): with it the client identifies the server before it sends a credential.
`by` has the inviter's name and account key: with it the client knows that person's key independently of the
server. Any other form of link is refused.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name
from parlour_protocol.kit.secret import Secret

DEFAULT_PORT: Final = 8443
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|[0-9a-fA-F:.]{2,45})\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_PIN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_MAX_LINK: Final = 1024


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
class Inviter:
    """The inviter, and the account key that their own client shows for them."""

    user: UserName
    key: PublicKey

    def __str__(self) -> str:
        return f"{self.user}.{self.key.text}"

    @classmethod
    def parse(cls, text: str) -> "Inviter":
        """Read `NAME.KEY`, the key in base64url. Raises InvalidLinkError."""
        name, _, key = text.rpartition(".")
        try:
            return cls(parse_user_name(name), PublicKey.parse(key))
        except (NameRefusedError, ValueError) as error:
            raise InvalidLinkError(
                "the inviter's part of the link is damaged: ask them for the link again"
            ) from error


@dataclass(frozen=True, slots=True)
class InviteLink:
    """An invitation to a server.

    ``code`` creates an account. ``pin`` may be absent if every system trusts the certificate, and ``by`` if
    the inviter did not add their key.
    """

    address: ServerAddress
    code: Secret
    pin: str | None = None
    by: Inviter | None = None

    def __str__(self) -> str:
        fields = {"code": self.code.reveal()} | ({"pin": self.pin} if self.pin else {})
        fields |= {"by": str(self.by)} if self.by else {}
        return f"parlour://{self.address.authority}/join#{urlencode(fields)}"

    @classmethod
    def parse(cls, text: str) -> "InviteLink":
        """Read a link. Raises InvalidLinkError with a sentence that says what is wrong."""
        text = text.strip()
        if not text.startswith("parlour://") or len(text) > _MAX_LINK:
            raise InvalidLinkError("an invite link begins with parlour:// and is one line")
        try:
            parts = urlsplit(text)
            # blank values are kept so that an empty pin is refused, not taken for no pin
            fields = parse_qs(parts.fragment, keep_blank_values=True, strict_parsing=True, max_num_fields=4)
        except ValueError as error:
            raise InvalidLinkError("the link is damaged: paste it whole, up to its last character") from error
        if parts.path != "/join" or parts.query or not fields.keys() <= {"code", "pin", "by"}:
            raise InvalidLinkError("this is not a link to join a server")
        if any(len(values) != 1 for values in fields.values()):
            raise InvalidLinkError("the link names a part twice")
        code, pin = fields.get("code", [""])[0], fields.get("pin", [None])[0]
        if not _TOKEN.match(code) or (pin is not None and not _PIN.match(pin)):
            raise InvalidLinkError("the link is damaged: its code or its pin has the wrong form")
        by = Inviter.parse(fields["by"][0]) if "by" in fields else None
        return cls(ServerAddress.parse(parts.netloc), Secret(code), pin, by)
