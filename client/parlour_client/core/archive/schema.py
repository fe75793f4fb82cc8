"""The archive's tables, as a list of migrations: number n takes a file of version n to n + 1.

A migration is never changed once it was released; a new one is added at the end. ``archive`` runs the missing
ones in one transaction. Deleted data is overwritten (secure_delete, also in the search index).
"""

from typing import Final

from parlour_client.core.archive.encryption_schema import (
    CLOSED_CLAIMS,
    CONSENT,
    DISPLACED,
    ENCRYPTION,
    HISTORY_PARTS,
    LINK_TABLES,
    MEMBERSHIP_TABLES,
    NUMBERED,
    REVOCATIONS,
    ROLLED_BACK,
    SUITES,
)

ROLLBACKS: Final[tuple[str, ...]] = (
    # Numbers of events are local: from ``server`` there they are ``local`` here and up. A room without a row
    # was never rolled back: both are the same.
    """CREATE TABLE numbering (
        room TEXT NOT NULL,
        server INTEGER NOT NULL,
        local INTEGER NOT NULL,
        PRIMARY KEY (room, server)
    ) STRICT, WITHOUT ROWID""",
    # The incarnation of the server's logs that the room was compared with.
    "ALTER TABLE rooms ADD COLUMN incarnation TEXT",
    # SHA-256 of the ciphertext, to recognise it: the ciphertext itself is not kept.
    "ALTER TABLE events ADD COLUMN digest BLOB",
    *ROLLED_BACK,
)

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
    (
        # ``id`` is the time of the event (milliseconds, 20 bits to the left) and a counter, so that walking
        # the search index backwards is "newest first" without sorting.
        """CREATE TABLE events_2 (
            id INTEGER PRIMARY KEY,
            room TEXT NOT NULL,
            seq INTEGER NOT NULL,
            at INTEGER NOT NULL,
            author TEXT NOT NULL,
            device TEXT NOT NULL,
            kind TEXT NOT NULL,
            target INTEGER,                  -- the message that an edit, a deletion or a reaction is about
            reply_to INTEGER,                -- the message that a message answers
            is_row INTEGER NOT NULL,         -- it stands in the timeline by itself
            mention INTEGER NOT NULL,        -- it names this account
            body TEXT NOT NULL,
            UNIQUE (room, seq)
        ) STRICT""",
        """INSERT INTO events_2
            SELECT (min(at, 4398046511103) << 20)
                    + row_number() OVER (PARTITION BY min(at, 4398046511103) ORDER BY id) - 1,
                room, seq, at, author, device, kind, target, json_extract(body, '$.reply_to'), is_row,
                mention, body
            FROM events""",
        "DROP TABLE events",
        "ALTER TABLE events_2 RENAME TO events",
        "CREATE INDEX events_about ON events (room, target, seq) WHERE target IS NOT NULL",
        "CREATE INDEX events_answers ON events (room, reply_to, seq) WHERE reply_to IS NOT NULL",
        "DROP TABLE words",
        # ``facts`` are tokens of ours (see `index`); emoji are words, too
        """CREATE VIRTUAL TABLE words USING fts5(
            text, facts, prefix = '1 2 3',
            tokenize = "unicode61 remove_diacritics 2 categories 'L* N* Co So'")""",
        "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
        """INSERT INTO words (rowid, text, facts)
            SELECT id, newest, 'any r' || hex(room) || ' a' || hex(author)
                || iif(mention, ' ismention', '') || iif(edited, ' isedited', '')
                || iif(reacted, ' hasreaction', '')
                || iif(newest LIKE '%http://%' OR newest LIKE '%https://%' OR newest LIKE '%www.%',
                    ' haslink', '')
            FROM (
                SELECT id, room, author, mention, edit IS NOT NULL AS edited, reacted,
                    coalesce(edit, json_extract(body, '$.text')) AS newest
                FROM (
                    SELECT *,
                        (SELECT json_extract(body, '$.text') FROM events x WHERE x.room = m.room
                            AND x.target = m.seq AND x.kind = 'edited' ORDER BY x.seq DESC LIMIT 1) AS edit,
                        EXISTS (SELECT 1 FROM events x WHERE x.room = m.room AND x.target = m.seq
                            AND x.kind = 'reacted' AND json_extract(x.body, '$.on')) AS reacted
                    FROM events m WHERE kind = 'message'
                )
            )""",
        """CREATE TABLE room_choices (
            room TEXT PRIMARY KEY,
            favourite INTEGER NOT NULL DEFAULT 0,
            muted INTEGER NOT NULL DEFAULT 0
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE stars (room TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, seq))
            STRICT, WITHOUT ROWID""",
        "CREATE TABLE ignored (user TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    ),
    ENCRYPTION,
    (
        # a pin is about a message, and is a row of the timeline as well
        "UPDATE events SET target = json_extract(body, '$.target') WHERE kind = 'pinned'",
        "CREATE INDEX events_pins ON events (room, target, seq) WHERE kind = 'pinned'",
        # what the person deleted on this device: nothing at or below it is fetched again
        "ALTER TABLE rooms ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0",
    ),
    ("ALTER TABLE room_choices ADD COLUMN strict INTEGER NOT NULL DEFAULT 0",),
    ROLLBACKS,
    SUITES,
    (
        # Runs of numbers that the server withholds; the event ``last`` is the row that says so.
        """CREATE TABLE missing (
            room TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (room, last)
        ) STRICT, WITHOUT ROWID""",
    ),
    HISTORY_PARTS,
    (
        # an epoch ended at a time of the server's and at one of this device's
        """UPDATE mls_groups
            SET ended = (SELECT json_group_array(json_array(value, value)) FROM json_each(ended))""",
    ),
    LINK_TABLES,
    MEMBERSHIP_TABLES,
    DISPLACED,
    CLOSED_CLAIMS,
    NUMBERED,
    REVOCATIONS,
    CONSENT,
)
