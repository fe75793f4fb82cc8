"""Lets the tests of this folder import its own modules (`mls_world`, `mls_vectors`, `passive`)."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# `make test` uses the short profile; PARLOUR_MLS_PROFILE=long digs for minutes (see the MLS README).
settings.register_profile(
    "mls-short", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile(
    "mls-long",
    deadline=None,
    max_examples=2_000,
    stateful_step_count=80,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
LONG = os.environ.get("PARLOUR_MLS_PROFILE") == "long"
