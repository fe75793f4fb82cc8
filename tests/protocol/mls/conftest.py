"""Lets the tests of this folder import its own modules (`mls_world`, `mls_vectors`, `passive`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
