"""`python -m tools.cluster`: see ``demo.py``."""

import sys

from tools.cluster.demo import main

sys.exit(main())
