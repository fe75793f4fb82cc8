"""The store in one SQLite file, with a writer thread, group commit and a few reader threads."""
