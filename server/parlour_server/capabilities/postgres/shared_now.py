"""The clock of a database that servers share."""

from typing import Final

SHARED_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
"""The milliseconds since 1970, in its SQL."""
