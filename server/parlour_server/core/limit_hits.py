"""Counts what was refused over a limit, by the setting that an operator would change.

The audit log has the first refusal of a row; this counts each, without saying whose it was.
"""

from collections import Counter


class LimitHits:
    """How often each limit was reached since the start."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def hit(self, setting: str) -> None:
        """Count one refusal. ``setting`` is `section.key`."""
        self.counts[setting] += 1
