"""The network: TLS, HTTP/1.1, the gate, WebSocket connections.

`net_server.py` is the whole of it for others; a connection comes through `listener` -> `http` -> `gate` ->
`upgrade` -> `websocket`. Nothing here knows a program.
"""
