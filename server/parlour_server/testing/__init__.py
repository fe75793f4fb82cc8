"""What the tests of a program import: its real server with people and sockets, and the attacks on it."""
