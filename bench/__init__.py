"""Measurements: ratios to a baseline that runs beside Parlour on the same machine (`python -m bench`)."""

import os

os.environ["COLORTERM"] = "truecolor"  # a screen costs the same in whatever terminal it is measured
