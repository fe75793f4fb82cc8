"""Frames from the server, on their way through decryption into the archive, the room list and the views."""
