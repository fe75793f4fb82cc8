"""Reads stored state of the MLS engine, and rosters, from the archive; other versions' state is refused.

There is no way to migrate keys yet: guessing at them would lose them.
"""

from collections.abc import Callable
from typing import TypeVar

from parlour_client.core.errors import ArchiveError
from parlour_client.kit.language import _
from parlour_mls import MlsError
from parlour_protocol.identity import StatementError

T = TypeVar("T")


def restored(restore: Callable[[bytes], T], blob: bytes) -> T:
    """Parse stored state. Raises ArchiveError."""
    try:
        return restore(blob)
    except (
        MlsError,
        StatementError,
    ) as error:  # the archive's pages are authenticated: it is another version, not damage
        raise ArchiveError(
            _("The keys of encrypted rooms were written by another version of Parlour; nothing was changed."),
            _("Open this home with that version, or log in with a separate home: parlour --home DIR login."),
        ) from error
