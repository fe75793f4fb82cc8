"""The permissions of rooms."""
