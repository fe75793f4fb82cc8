"""Makes the project's own tools importable, which are no package of the distribution."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
