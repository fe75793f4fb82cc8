"""Exercises: servers that each lack one defence, a shell to attack from, and a flag for who finds out how."""
