"""The chat, a program like any other: rooms, delivery of keys, files. Begin at `program.py`."""
