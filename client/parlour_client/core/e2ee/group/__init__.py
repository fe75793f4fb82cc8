"""MLS groups of rooms, in the archive: creating, joining and changing them, encrypting and decrypting."""
