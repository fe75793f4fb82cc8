"""Keyboard input: the key map, completion, and the editor."""
