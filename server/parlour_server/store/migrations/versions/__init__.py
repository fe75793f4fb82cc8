"""One revision of the schema a file; new ones come from `migrations/script.py.mako`."""
