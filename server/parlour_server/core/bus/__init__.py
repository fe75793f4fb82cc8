"""The bus: notifications between servers. `bus.py` defines what a bus guarantees."""
