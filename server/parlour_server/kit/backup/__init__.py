"""Backups: one file with everything, or a folder to which each backup adds only what has changed."""
