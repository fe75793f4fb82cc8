"""The database: engines, the writer and its group commits, the readers, damage and retention."""
