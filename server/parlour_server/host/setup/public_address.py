"""The server's public address: from the running server, or from the configuration.

`run.json` in the data folder is written when a server is ready and removed when it stops. A killed server
leaves it behind, so the lock decides. Invite links contain the address.
"""

import contextlib
import json
import os
from typing import Any

from parlour_protocol.kit.invite_link import ServerAddress
from parlour_server.core.addresses import in_url, is_loopback, is_unspecified, listen_address, split_name
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.folder_lock import is_locked


def note_running(folder: DataFolder, host: str, port: int) -> None:
    """Record the address of this process."""
    found = {"host": host, "port": port, "pid": os.getpid()}
    write_private(folder.running, json.dumps(found).encode() + b"\n")


def forget_running(folder: DataFolder) -> None:
    """Remove the record, if it is this process's."""
    found = _note(folder)
    if found is not None and found.get("pid") == os.getpid():
        with contextlib.suppress(OSError):
            folder.running.unlink()


def running(folder: DataFolder) -> tuple[str, int] | None:
    """Return the host and port of the running server; None if there is none."""
    found = _note(folder)
    if found is None or not is_locked(folder):
        return None
    try:
        return str(found["host"]), int(found["port"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def reachable_at(folder: DataFolder, settings: Settings) -> ServerAddress:
    """Return the address for invite links: a name that was given to `init`, else the address listened on."""
    host, port = running(folder) or listen_address(settings.listen.address)
    for name in settings.listen.names:
        known, own_port = split_name(name.lower())
        if not _is_here(known):
            return ServerAddress(known, own_port or port)
    return ServerAddress("127.0.0.1" if is_unspecified(host) else host, port)


def unknown_port(folder: DataFolder, settings: Settings) -> str | None:
    """Return a sentence if links have this server's own port, and people come through a balancer's."""
    found = reachable_at(folder, settings)
    if not settings.listen.proxies or any(split_name(name)[1] for name in settings.listen.names):
        return None
    return (
        f"links have this server's own port ({found.port}), but people come through a load balancer"
        f" (listen.proxies): write its port behind the name in listen.names, as {in_url(found.host)}:443, or"
        " give --address"
    )


def name_of(settings: Settings) -> str:
    """Return the host name that the server greets with."""
    known = (split_name(name.lower())[0] for name in settings.listen.names)
    return next((host for host in known if not _is_here(host)), "localhost")


def _is_here(host: str) -> bool:
    return is_loopback(host) or host.endswith(".localhost")


def _note(folder: DataFolder) -> dict[str, Any] | None:
    try:
        found = json.loads(folder.running.read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
