"""The line mode: the same core for screen readers, simple terminals and pipes.

Lines are printed once and never moved; each says which room it is of. ``run`` is the whole of it for others.
"""

from parlour_client.plain.line_mode import run

__all__ = ["run"]
