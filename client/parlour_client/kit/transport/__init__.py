"""Connections to one server: sockets, HTTPS, verifying the server, and the conversation over them."""
