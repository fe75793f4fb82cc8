"""MemoryLogins, and a room of connections, for a server on another framework (`examples/patterns/`).

It needs argon2, msgspec and `parlour_protocol.kit`, and nothing else of the server.
"""
