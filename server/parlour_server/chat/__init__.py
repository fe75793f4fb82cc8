"""Chat: what a connection may ask, and what it is told. `chat_service.py` is where to begin reading."""
