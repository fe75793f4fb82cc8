"""MLS groups of rooms, in the archive: created, joined, changed, encrypted for and decrypted."""
