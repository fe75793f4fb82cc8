"""MLS groups of rooms in the archive: founded, joined, changed, encrypted to and decrypted from."""
