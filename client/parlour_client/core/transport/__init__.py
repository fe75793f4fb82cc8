"""The connection to the chat's server, and its delivery service over HTTPS."""
