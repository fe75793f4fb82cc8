"""Rules about a room's log, without I/O: its numbers, and events that a server withholds."""
