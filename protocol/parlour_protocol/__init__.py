"""Shared by server and client: frames, names, the text rule, limits. No I/O, no framework."""
