"""The terminal oracle's parts: a hostile server, a terminal, a strict reader of bytes, a table of places."""
