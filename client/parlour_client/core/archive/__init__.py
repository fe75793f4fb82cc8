"""The archive: one encrypted SQLite file with history, search, the outbox, drafts and settings.

``Archive`` opens it and runs functions over a connection on its thread; the other modules have these
functions, one subject each, and ``key`` manages the file's key.
"""

from parlour_client.core.archive.archive import Archive

__all__ = ["Archive"]
