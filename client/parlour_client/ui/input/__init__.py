"""Keys and text that a person types: the key map, vi keys, jump mode, completion, and the editor."""
