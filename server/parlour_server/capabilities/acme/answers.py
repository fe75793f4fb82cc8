"""Answers for http-01: what the CA must find at `/.well-known/acme-challenge/TOKEN` of each name.

They lie in a folder while a certificate is requested. The running server (and each process of it) answers
from there on its HTTPS port, which is enough where something redirects port 80 to it: CAs follow. With
`acme.listen` a listener without TLS answers as well, and is open only for that time.
"""

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

from parlour_server.core.errors import SetupError
from parlour_server.core.net.gate import host_values
from parlour_server.core.private_file import write_private
from parlour_server.host.plain_listener import PlainListener

PATH: Final = "/.well-known/acme-challenge/"
CONTENT_TYPE: Final = "application/octet-stream"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,128}")
_HTTP_PORT: Final = 80
_PATIENCE: Final = 10.0


def find_answer(folder: Path, token: str) -> bytes | None:
    """Return the answer for a token, None unless the CA was promised one."""
    if not _TOKEN.fullmatch(token):
        return None
    try:
        return (folder / token).read_bytes()
    except OSError:
        return None


def clear_answers(folder: Path) -> None:
    """Remove what an interrupted request left behind."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()


class HttpAnswers:
    """The answers of one request, until it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._given: list[Path] = []

    def give(self, token: str, answer: str) -> None:
        """Answer from now on. Raises SetupError."""
        if not _TOKEN.fullmatch(token):
            raise SetupError("the CA's challenge has a token of an unknown form")
        path = self._folder / token
        self._given.append(path)
        write_private(path, answer.encode("ascii"))

    def withdraw(self) -> None:
        """Answer nothing any more."""
        for path in self._given:
            path.unlink(missing_ok=True)
        self._given.clear()


@contextmanager
def listening(address: str, names: Sequence[str], folder: Path) -> Iterator[None]:
    """Answer on ``address`` without TLS, in a thread, until the block ends. Raises SetupError."""
    ready, end = Event(), Event()
    failed: list[SetupError] = []

    def find(target: bytes) -> bytes | None:
        return find_answer(folder, target.decode("ascii").removeprefix(PATH))  # no token has a slash in it

    async def serve() -> None:
        listener = PlainListener(find, CONTENT_TYPE)
        try:
            await listener.open(address, lambda port: _hosts(names, port))
        except SetupError as error:
            failed.append(error)
        ready.set()
        if not failed:
            await asyncio.to_thread(end.wait)
        listener.close()

    thread = Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    ready.wait(_PATIENCE)
    try:
        for error in failed:
            raise SetupError(
                f"acme.listen: {error}; a port below 1024 needs the capability CAP_NET_BIND_SERVICE"
            ) from error
        yield
    finally:
        end.set()
        thread.join(_PATIENCE)


def _hosts(names: Sequence[str], port: int) -> frozenset[bytes]:
    """Return the Host headers of HTTP on port 80, which it leaves out, and on this port."""
    bare = {f"[{name}]" if ":" in name else name for name in names}
    return host_values(bare, port) | host_values(bare, _HTTP_PORT) | {name.encode() for name in bare}
