"""How hard Hypothesis works in the MLS tests: a short profile for `make test`, a long one by environment.

PARLOUR_MLS_PROFILE=long digs for minutes instead of seconds.
"""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("PARLOUR_MLS_PROFILE") == "long"
PROFILE = "mls-long" if LONG else "mls-short"

_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile(
    "mls-short", deadline=None, max_examples=60, suppress_health_check=_SLOW, print_blob=True
)
settings.register_profile(
    "mls-long", deadline=None, max_examples=3_000, suppress_health_check=_SLOW, print_blob=True
)
