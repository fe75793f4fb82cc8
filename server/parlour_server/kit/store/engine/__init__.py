"""The database file: its connections, the writer and its group commits, the readers, damage and retention."""
