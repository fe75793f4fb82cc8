"""Asks the running server for /readyz as a load balancer does: by one of its names.

The answer says nothing secret and neither does the question, so the certificate is not checked: any that the
server has is right.
"""

import http.client
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final

from parlour_server.app.capability import Capability
from parlour_server.core.addresses import in_url, is_unspecified, split_name
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.host.setup.folder_lock import is_locked
from parlour_server.host.setup.public_address import running

_PATIENCE: Final = 4.0
_PAUSE: Final = 0.1
_READY: Final = 204


def require_ready(folder: DataFolder, settings: Settings, capabilities: Sequence[Capability]) -> str:
    """Return the address of the server of this folder, which is ready. Raises SetupError.

    ``capabilities`` are its own.
    """
    found = running(folder)
    if found is None:
        raise SetupError(f"no server runs on {folder.path}")
    host, port = found
    if is_unspecified(host):
        host = "::1" if ":" in host else "127.0.0.1"
    shown = f"{in_url(host)}:{port}"
    try:
        status = _ask(host, port, settings, capabilities)
    except (OSError, http.client.HTTPException) as error:
        raise SetupError(f"the server at {shown} does not answer ({error})") from error
    if status != _READY:
        raise SetupError(f"the server at {shown} is not ready (status {status})")
    return shown


def wait_until_ready(
    folder: DataFolder, settings: Settings, capabilities: Sequence[Capability], seconds: float
) -> str:
    """Do the same again for so long, as long as a server may still come. Raises SetupError."""
    end, was_there = time.monotonic() + seconds, False
    while True:
        is_there = is_locked(folder)
        try:
            return require_ready(folder, settings, capabilities)
        except SetupError as error:
            if was_there and not is_there and not is_locked(folder):
                raise SetupError(
                    "the server ended before it was ready; what it wrote to standard error says why"
                ) from error
            if time.monotonic() >= end:
                raise
        was_there = was_there or is_there
        time.sleep(_PAUSE)


def _ask(host: str, port: int, settings: Settings, capabilities: Sequence[Capability]) -> int:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((host, port), _PATIENCE) as plain:
        for capability in capabilities:
            if capability.before_tls is not None:
                plain.sendall(capability.before_tls(settings, plain.getsockname()[0]))
        with context.wrap_socket(plain) as tls:
            name, own_port = split_name(settings.listen.names[0])
            host_header = f"host: {in_url(name)}:{own_port or port}\r\n"
            tls.sendall(f"GET /readyz HTTP/1.1\r\n{host_header}connection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(tls)
            answer.begin()
            return answer.status
