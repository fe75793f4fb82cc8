"""Keyboard input: the key map, vi keys, jump mode, completion, and the editor."""
