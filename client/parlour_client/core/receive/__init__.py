"""What the server says, on its way through encryption into the archive, the room list and the views."""
