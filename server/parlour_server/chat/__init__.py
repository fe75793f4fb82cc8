"""Chat: what a connection may ask, and what it is told. `service.py` is where to begin reading."""
