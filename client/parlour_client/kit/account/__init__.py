"""One account on this machine: its home folder, its profile, and how memory is protected."""
