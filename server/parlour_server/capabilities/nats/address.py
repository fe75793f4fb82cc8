"""Where the bus is: the URLs of NATS servers, its TLS, and the credentials, which are read from a file.

`tls://` is verified, and speaks TLS from the first byte: a server that asks for credentials without TLS gets
none. `nats://` has no TLS, so only this machine can be reached by it, unless the URL ends with `?tls=off`.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from parlour_server.capabilities.nats.credentials import BEGINNING, user_arguments
from parlour_server.core.addresses import is_loopback
from parlour_server.core.errors import SetupError

PORT: Final = 4222
_WITHOUT_TLS: Final = "tls=off"


@dataclass(frozen=True, slots=True)
class NatsAddress:
    """NATS servers of one cluster. As a text it has no secret."""

    urls: tuple[str, ...]
    tls: ssl.SSLContext | None = None
    credentials_file: Path | None = field(default=None, repr=False)
    is_open: bool = False
    """Notifications cross the network in plain text, because the operator says so."""

    def __str__(self) -> str:
        return ", ".join(self.urls)

    @classmethod
    def parse(
        cls, url: str, *, credentials_file: Path | None = None, ca_file: Path | None = None
    ) -> "NatsAddress":
        """Read the settings: one URL, or several with commas. Raises SetupError."""
        parts = [_split(server.strip()) for server in url.split(",")]
        schemes = {part.scheme for part in parts}
        if len(schemes) > 1:
            raise SetupError("bus.url has tls:// and nats:// servers: use tls:// for all of them")
        urls = tuple(f"{part.scheme}://{_host(part)}:{part.port or PORT}" for part in parts)
        if schemes == {"nats"}:
            away = [part for part in parts if not _is_here(part)]
            for part in away:
                if part.query != _WITHOUT_TLS:
                    raise SetupError(
                        f"bus.url is nats:// at {part.hostname}: anyone on the way could read and forge "
                        f"notifications. Use tls://, or add ?{_WITHOUT_TLS} if the network is yours alone"
                    )
            return cls(urls, None, credentials_file, is_open=bool(away))
        return cls(urls, _verifying(ca_file), credentials_file)

    def credentials(self) -> dict[str, Any]:
        """Return the arguments of nats-py for the credentials, read again each time. Raises SetupError."""
        path = self.credentials_file
        if path is None:
            return {}
        try:
            text = path.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SetupError(f"bus.credentials_file: cannot read {path}") from error
        if text.startswith(BEGINNING):
            try:
                return user_arguments(text)
            except ValueError:
                raise SetupError(f"{path} is damaged: make the .creds file again with nsc") from None
        if not text or len(text.splitlines()) > 1:
            raise SetupError(f"{path} must have one line, user:password or a token, or be a .creds file")
        user, colon, password = text.partition(":")
        return {"user": user, "password": password} if colon else {"token": text}


def _split(url: str) -> SplitResult:
    try:
        part = urlsplit(url)
        port = part.port
    except ValueError:
        raise SetupError("bus.url is not a URL such as tls://nats.example.org:4222") from None
    if part.username is not None or part.password is not None:
        raise SetupError(
            "bus.url contains credentials: put them into a file and name it in bus.credentials_file"
        )
    if part.scheme not in {"tls", "nats"} or not part.hostname or port == 0 or part.path not in {"", "/"}:
        raise SetupError("bus.url must be tls://host:port, or nats://host:port on this machine")
    if part.query not in {"", _WITHOUT_TLS}:
        raise SetupError(f"bus.url knows no option but {_WITHOUT_TLS}")
    return part


def _host(part: SplitResult) -> str:
    host = part.hostname or ""
    return f"[{host}]" if ":" in host else host


def _is_here(part: SplitResult) -> bool:
    host = part.hostname or ""
    return host == "localhost" or is_loopback(host)


def _verifying(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(f"bus.ca_file: {ca_file} has no certificates that can be read") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
