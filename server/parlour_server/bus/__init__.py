"""The bus: what servers tell each other at once. `interface.py` says what a bus promises."""
