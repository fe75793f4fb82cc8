"""The history of the schema: one revision a file in `versions`, applied by `migrate.py` alone."""
