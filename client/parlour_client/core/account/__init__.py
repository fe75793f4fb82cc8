"""One account on this machine: its home folder, its profile, and logging in."""
