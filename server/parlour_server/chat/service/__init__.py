"""Chat: handles requests and delivers events. Begin reading at `chat.py`."""
