"""Everything that any secure real-time server needs; it knows no chat.

TLS, login, tickets, connections with budgets, sessions that end, fan-out, and the commands that run a server.
The chat is a program on it, as a ticker or a game would be.
"""
