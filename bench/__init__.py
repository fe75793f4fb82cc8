"""Measurements: ratios to a baseline that runs beside Parlour on the same machine (`python -m bench`)."""
