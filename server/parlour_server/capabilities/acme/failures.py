"""Failed requests to the CA: a file keeps them over restarts, because CAs count them, too."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from parlour_server.capabilities.acme.files import failures_of
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.private_file import write_private

_FIRST_PAUSE: Final = 3_600
_LONGEST_PAUSE: Final = 86_400
_SPREAD: Final = 0.2


class Failures(msgspec.Struct, frozen=True):
    """The content of the file; its defaults are those of a folder without one."""

    certificate: str = ""
    """SHA-256 of the certificate that was in use, in hexadecimal: with another one, none has failed."""
    count: int = 0
    """In a row."""
    retry_at: int = 0
    """Milliseconds since 1970: not before then."""
    why: str = ""

    @classmethod
    def read(cls, folder: DataFolder, leaf: x509.Certificate) -> "Failures":
        """Return those since ``leaf`` came into use; a file that can't be read counts as none."""
        certificate = leaf.fingerprint(hashes.SHA256()).hex()
        try:
            found = msgspec.json.decode(failures_of(folder).read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError):
            return cls(certificate)
        return found if found.certificate == certificate else cls(certificate)

    def write(self, folder: DataFolder) -> None:
        """Keep them. Raises SetupError."""
        write_private(failures_of(folder), msgspec.json.encode(self))

    def failed(self, now: datetime, why: str, chance: float) -> "Failures":
        """Return them with one more: the next try is an hour later, then two, up to a day.

        ``chance`` (0 to 1) spreads that, so that servers that failed together don't come back together.
        """
        seconds = min(_FIRST_PAUSE * 2.0 ** min(self.count, 10), _LONGEST_PAUSE)
        at = now + timedelta(seconds=seconds * (1 - _SPREAD + 2 * _SPREAD * chance))
        return Failures(self.certificate, self.count + 1, int(at.timestamp() * 1000), why)

    def may_retry(self, now: datetime) -> bool:
        """Return whether the pause after the last failure is over. One of a wrong clock does not count."""
        left = self.retry_at / 1000 - now.timestamp()
        return left <= 0 or left > 2 * _LONGEST_PAUSE
