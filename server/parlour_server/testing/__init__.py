"""For the tests of a program: its real server with people and sockets, and the attacks on it."""
