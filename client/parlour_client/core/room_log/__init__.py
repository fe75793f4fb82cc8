"""Rules about a room's log, without I/O: its numbers, and the events that a server does not show."""
