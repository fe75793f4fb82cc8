"""What is known of the rooms: the room list, how far each has come, and fetching what is missing."""
