"""The terminal below Textual: what may reach it, where columns stand, and what happens when it goes away."""
