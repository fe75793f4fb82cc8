"""The terminal below Textual: what may reach it, column positions, and losing it."""
