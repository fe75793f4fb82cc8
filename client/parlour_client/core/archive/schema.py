"""The archive's tables, as a list of migrations: number n takes a file of version n to n + 1.

A migration is never changed once it was released; a new one is added at the end. ``database`` runs the
missing ones in one transaction. What is deleted is overwritten (secure_delete, also in the search index).
"""

from typing import Final

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
        """CREATE TABLE rooms (
            id TEXT PRIMARY KEY,
            summary TEXT NOT NULL,           -- RoomSummary as JSON, as the server last told it
            entered INTEGER NOT NULL,        -- 0: left, history is kept
            top INTEGER NOT NULL DEFAULT 0,  -- the newest event that is here
            floor INTEGER NOT NULL DEFAULT 0 -- the server has nothing at or below it
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            room TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            author TEXT NOT NULL,
            device TEXT NOT NULL,
            kind TEXT NOT NULL,
            target INTEGER,                  -- the message that an edit, a deletion or a reaction is about
            is_row INTEGER NOT NULL,         -- it stands in the timeline by itself
            mention INTEGER NOT NULL,        -- it names this account
            body TEXT NOT NULL,
            UNIQUE (room, seq)
        ) STRICT""",
        "CREATE INDEX events_about ON events (room, target, seq) WHERE target IS NOT NULL",
        "CREATE VIRTUAL TABLE words USING fts5(text, tokenize = 'unicode61 remove_diacritics 2')",
        "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
        """CREATE TABLE outbox (
            position INTEGER PRIMARY KEY AUTOINCREMENT,
            request TEXT NOT NULL UNIQUE,
            room TEXT NOT NULL,
            at INTEGER NOT NULL,
            frame TEXT NOT NULL,             -- the request as on the wire: a resend is the same bytes
            state TEXT NOT NULL CHECK (state IN ('queued', 'failed', 'stored')),
            seq INTEGER,                     -- where it is stored, until that event is here
            problem TEXT NOT NULL DEFAULT ''
        ) STRICT""",
        "CREATE TABLE drafts (room TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID",
    ),
)
