"""The delivery service of the server, called over HTTPS."""
