"""The state of the rooms: the room list, how far each room is caught up, and fetching missing events."""
