"""Connections to one server: sockets, HTTPS, who the server is, and the conversation over them."""
