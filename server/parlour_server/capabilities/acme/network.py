"""HTTPS to the CA, bounded: verified, never plain HTTP, no redirect, short answers.

The `acme` library speaks through a session of `requests`; this sets that session up by its public interface.
"""

import io
import ssl
from typing import Any, Final, NoReturn

import requests
from requests.adapters import BaseAdapter, HTTPAdapter

from parlour_server.core.errors import SetupError

MOST_BYTES: Final = 262_144
"""Of one answer; a chain has some 5,000."""


def restrict(session: requests.Session, ca_file: str) -> None:
    """Let the session speak only HTTPS, with servers that these CAs (or the system's) vouch for."""
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        why = "it has none" if isinstance(error, ssl.SSLError) else error.strerror
        raise SetupError(f"acme.ca_file: cannot read certificates from {ca_file}: {why}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    session.mount("https://", _BoundedAdapter(context))
    session.mount("http://", _NoAdapter())
    session.max_redirects = 0
    session.headers["Accept-Encoding"] = "identity"


class _BoundedAdapter(HTTPAdapter):
    """Reads an answer only as far as it may be long."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Verify by the context: `requests` would add the CAs that come with it."""
        del url, verify, cert
        conn.cert_reqs = "CERT_REQUIRED"

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        response = super().send(request, *args, **options | {"stream": True})
        data = response.raw.read(MOST_BYTES + 1)
        response.raw.close()
        if len(data) > MOST_BYTES:
            raise requests.exceptions.InvalidHeader(f"the answer has more than {MOST_BYTES:,} bytes")
        response.raw = io.BytesIO(data)
        return response


class _NoAdapter(BaseAdapter):
    """Refuses every request."""

    def send(self, *_args: Any, **_options: Any) -> NoReturn:
        raise requests.exceptions.InvalidURL("the CA named an address without TLS")

    def close(self) -> None:
        """There is nothing to close."""
