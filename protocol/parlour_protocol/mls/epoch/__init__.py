"""One epoch: its secrets, and the messages that they protect (RFC 9420 sections 6, 8 and 9)."""
