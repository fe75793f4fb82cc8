"""Rate limits of uploads, for each account.

Bytes are counted when they are sent, and deleting gives none back: what someone tunnels through files is
bounded (D26).
"""

import math

from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.token_buckets import HOUR
from parlour_protocol.limits import FILE_BYTES
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.core.account_buckets import AccountBuckets
from parlour_server.core.account_limits import AccountLimits
from parlour_server.core.clock import Clock
from parlour_server.core.errors import TooManyAttemptsError
from parlour_server.core.limit_hits import LimitHits
from parlour_server.core.live_nodes import Nodes


class UploadBudgets:
    """The limits of all accounts, divided by the number of servers; full buckets are forgotten."""

    def __init__(
        self, files: FileSettings, clock: Clock, nodes: Nodes, limits: AccountLimits, hits: LimitHits
    ) -> None:
        """``limits`` has those of single accounts, ``hits`` counts refusals."""
        self._hits = hits
        self._clock = clock
        self._nodes = nodes
        self._limits = limits
        uploads, size = files.uploads_per_hour, files.upload_bytes_per_hour
        self._uploads = AccountBuckets(limits, "files.uploads_per_hour", uploads, per=HOUR, burst=uploads)
        self._bytes = AccountBuckets(
            limits,
            "files.upload_bytes_per_hour",
            size,
            per=HOUR,
            burst=size,
            least_burst=FILE_BYTES.value,
        )

    def upload(self, user: UserName, size: int) -> None:
        """Count a file of ``size`` bytes. Raises TooManyAttemptsError."""
        self._spend(self._uploads, user, 1)
        self._spend(self._bytes, user, size)

    def file_bytes(self, user: UserName, setting: int) -> int:
        """Return how many bytes the account's files may take; ``setting`` is what everyone's may."""
        return self._limits.of(user, "files.user_bytes", setting)

    def _spend(self, buckets: AccountBuckets, user: UserName, amount: int) -> None:
        wait = buckets.take(user, self._clock.monotonic(), amount, times=self._nodes.count)
        if wait > 0:
            self._hits.hit(buckets.setting)
            raise TooManyAttemptsError(math.ceil(wait))
