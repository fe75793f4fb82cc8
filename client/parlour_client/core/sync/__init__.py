"""What the server says, into the archive, the room list and the views."""
