"""Keeps the server's certificate valid, at its start and while it runs.

It renews a certificate of the server's own CA; a worker takes that of its server's folder instead. When
the files change (by this, ACME, `cert import`, certbot behind a link, a person), new connections get the new
pair within seconds, and open ones stay. Files that don't fit together are left alone until they do.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from parlour_server.core.clock import Clock, utc_text
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.output import log, warn
from parlour_server.core.private_file import write_private
from parlour_server.host.setup.certificate_state import ends_soon
from parlour_server.host.setup.certificates import read_certificate, renew_if_due

LOOK_SECONDS: Final = 2.0
"""Between two looks at the files."""
CHECK_SECONDS: Final = 3600.0
"""Between two checks of the certificate's dates."""
TAKE_SECONDS: Final = 60.0
"""The same for a worker, which only takes the certificate of its server's folder."""
_REMIND_SECONDS: Final = 86_400.0
_Stamp = tuple[tuple[int, ...], ...]


class Renewal:
    """The certificate of one running server."""

    def __init__(self, folder: DataFolder, names: Sequence[str], clock: Clock) -> None:
        self._folder = folder
        self._names = names
        self._clock = clock
        self._check_seconds = CHECK_SECONDS if folder.main is None else TAKE_SECONDS
        self._checked_at = self._reminded_at = float("-inf")
        self.check()
        self._loaded = self._seen = _stamp(folder)
        self.tls: Final = TlsFiles(folder.certificate, folder.key)

    def reload(self, names: Sequence[str]) -> None:
        """Use other names from now on, and load the files again.

        Renews at once if the certificate lacks a name. Raises SetupError and keeps the old pair.
        """
        if self._folder.main is None:
            renew_if_due(self._folder, names)
        self._names = names
        self._loaded = self._seen = _stamp(self._folder)
        self.tls.reload()

    async def run(self) -> None:
        """Look until cancelled; new connections get what is new."""
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            if self._clock.monotonic() - self._checked_at >= self._check_seconds:
                self.check()
            self.look()

    def check(self) -> None:
        """Renew if it is time; a failure is logged, and retried at the next check."""
        self._checked_at = self._clock.monotonic()
        now = datetime.fromtimestamp(self._clock.now() / 1000, UTC)
        try:
            if self._folder.main is not None:
                _take(self._folder.main, self._folder)
            elif renew_if_due(self._folder, self._names, now):
                log("certificate_renewed")
            self._remind(now)
        except SetupError as error:
            warn("certificate_not_renewed", why=str(error), in_force="the old certificate stays in use")

    def look(self) -> None:
        """Load changed files, once they have stayed the same between two looks: both are complete then."""
        stamp = _stamp(self._folder)
        settled, self._seen = stamp == self._seen, stamp
        if stamp == self._loaded or not settled:
            return
        self._loaded = stamp
        try:
            self.tls.reload()
            leaf = read_certificate(self._folder.certificate)
        except SetupError as error:
            warn("certificate_not_loaded", why=str(error))
            return
        log("certificate_loaded", ends=utc_text(leaf.not_valid_after_utc))

    def _remind(self, now: datetime) -> None:
        """Warn once a day of a certificate that ends soon."""
        leaf = read_certificate(self._folder.certificate)
        if not ends_soon(leaf, now) or self._clock.monotonic() - self._reminded_at < _REMIND_SECONDS:
            return
        self._reminded_at = self._clock.monotonic()
        warn(
            "certificate_ends",
            at=utc_text(leaf.not_valid_after_utc),
            do="`cert show` says who renews it, and why that failed",
        )


def _take(main: DataFolder, worker: DataFolder) -> None:
    """Copy the server's certificate and key for a worker, if they differ. Raises SetupError."""
    for source, copied in ((main.key, worker.key), (main.certificate, worker.certificate)):
        try:
            data = source.read_bytes()
            if copied.read_bytes() != data:
                write_private(copied, data)
        except OSError as error:
            raise SetupError(f"cannot copy {source} to {copied}: {error.strerror}") from error


def _stamp(folder: DataFolder) -> _Stamp:
    """Return what changes with the files, and with what links to them lead to."""
    return tuple(map(_stamp_of, (folder.certificate, folder.key)))


def _stamp_of(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
