"""Outgoing messages, stored on disk until the server has them."""
