"""The line mode: the same core for screen readers, simple terminals and pipes.

Lines are printed once and never moved; each names its room. Others call ``run``.
"""

from parlour_client.plain.line_mode import run

__all__ = ["run"]
