"""What the person writes, kept on disk until the server has it."""
