"""What server and client must agree on: frames, names, the text rule, limits. No I/O, no framework."""
