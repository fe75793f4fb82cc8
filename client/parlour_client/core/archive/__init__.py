"""The archive: one encrypted SQLite file with history, search, the outbox, drafts and settings.

``database`` opens it and runs everything on one thread, ``key`` keeps its key, ``schema`` its tables;
the other modules are functions over a connection, one kind of thing each. ``Archive`` is what the rest of
the core sees.
"""

from parlour_client.core.archive.archive import Archive

__all__ = ["Archive"]
