"""The bus: what servers tell each other at once. `bus.py` says what a bus promises."""
