"""What may be done in a room, and by whom."""
