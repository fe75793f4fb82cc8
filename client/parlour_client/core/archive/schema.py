"""The archive's tables: one schema, without migrations.

An archive of another version is refused with a sentence (``archive``): nothing was released yet. A change of
a table raises ``VERSION``. Private keys are in it in plaintext, because the whole file is encrypted;
none of this is ever written anywhere else. Deleted data is overwritten (secure_delete, also in the search
index).
"""

from typing import Final

import apsw

from parlour_client.core.found_words import TOKENIZER

VERSION: Final = 22
"""Raised with each change of a table."""

_ROOMS: Final = (
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE rooms (
        id TEXT PRIMARY KEY,
        summary TEXT NOT NULL,                -- RoomSummary as JSON, as the server last told it
        entered INTEGER NOT NULL,             -- 0: left, history is kept
        top INTEGER NOT NULL DEFAULT 0,       -- the newest event that is here
        floor INTEGER NOT NULL DEFAULT 0,     -- the server has nothing at or below it
        forgotten INTEGER NOT NULL DEFAULT 0, -- deleted on this device: not fetched again
        incarnation TEXT,                     -- of the server's logs that the room was compared with
        number INTEGER UNIQUE                 -- the digit that opens it; NULL: none was free
    ) STRICT, WITHOUT ROWID""",
    # Numbers of events are local: from ``server`` there they are ``local`` here and up. A room without a row
    # was never rolled back: both are the same.
    """CREATE TABLE numbering (
        room TEXT NOT NULL,
        server INTEGER NOT NULL,
        local INTEGER NOT NULL,
        PRIMARY KEY (room, server)
    ) STRICT, WITHOUT ROWID""",
    # Runs of numbers that the server withholds; the event ``last`` is the row that says so.
    """CREATE TABLE missing (
        room TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (room, last)
    ) STRICT, WITHOUT ROWID""",
    # ``id`` is the time of the event (milliseconds, 20 bits to the left) and a counter, so that walking
    # the search index backwards is "newest first" without sorting.
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        room TEXT NOT NULL,
        seq INTEGER NOT NULL,
        at INTEGER NOT NULL,
        author TEXT NOT NULL,
        device TEXT NOT NULL,
        kind TEXT NOT NULL,
        target INTEGER,                    -- the message that an edit, a deletion, a reaction, a pin is about
        reply_to INTEGER,                  -- the message that a message answers
        is_row INTEGER NOT NULL,           -- it stands in the timeline by itself
        mention INTEGER NOT NULL,          -- it names this account
        body TEXT NOT NULL,
        sealed INTEGER NOT NULL DEFAULT 0, -- it was encrypted, and verified
        trouble TEXT NOT NULL DEFAULT '',  -- why it cannot be read
        note TEXT,                         -- a row of this client's own: a Note as JSON
        digest BLOB,                       -- SHA-256 of the ciphertext, which itself is not kept
        UNIQUE (room, seq)
    ) STRICT""",
    "CREATE INDEX events_about ON events (room, target, seq) WHERE target IS NOT NULL",
    "CREATE INDEX events_answers ON events (room, reply_to, seq) WHERE reply_to IS NOT NULL",
    "CREATE INDEX events_pins ON events (room, target, seq) WHERE kind = 'pinned'",
    # ``facts`` are tokens of ours (see `index`); emoji are words, too
    f"""CREATE VIRTUAL TABLE words USING fts5(
        text, facts, prefix = '1 2 3',
        tokenize = "{" ".join(f"'{word}'" for word in TOKENIZER)}")""",
    "INSERT INTO words (words, rank) VALUES ('secure-delete', 1)",
    """CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        request TEXT NOT NULL UNIQUE,
        room TEXT NOT NULL,
        at INTEGER NOT NULL,
        frame TEXT NOT NULL,               -- the request as on the wire: a resend is the same bytes
        state TEXT NOT NULL CHECK (state IN ('queued', 'failed', 'stored')),
        seq INTEGER,                       -- where it is stored, until that event is here
        problem TEXT NOT NULL DEFAULT ''
    ) STRICT""",
    """CREATE TABLE drafts (
        room TEXT NOT NULL,
        thread INTEGER NOT NULL,              -- the first message of the thread; 0: of the room
        text TEXT NOT NULL,
        PRIMARY KEY (room, thread)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE room_choices (
        room TEXT PRIMARY KEY,
        favourite INTEGER NOT NULL DEFAULT 0,
        muted INTEGER NOT NULL DEFAULT 0,
        strict INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE stars (room TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (room, seq))
        STRICT, WITHOUT ROWID""",
    "CREATE TABLE ignored (user TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    # The keys of attachments; a message refers to one by file and digest. The first key counts.
    """CREATE TABLE file_keys (
        room TEXT NOT NULL,
        file TEXT NOT NULL,
        sha256 BLOB NOT NULL,
        key BLOB NOT NULL,
        PRIMARY KEY (room, file, sha256)
    ) STRICT, WITHOUT ROWID""",
)

_IDENTITY: Final = (
    # This device's keys and what it pinned of its server, by name (``identity.Name``).
    "CREATE TABLE own_keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # Devices of this account that this home made or approved itself: any other raises an alarm.
    "CREATE TABLE own_devices (device TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    """CREATE TABLE pins (
        user TEXT PRIMARY KEY,
        account_key BLOB NOT NULL,
        level TEXT NOT NULL CHECK (level IN ('first-seen', 'verified', 'changed')),
        first_seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE verifications (
        user TEXT NOT NULL,
        account_key BLOB NOT NULL,
        at INTEGER NOT NULL,
        method TEXT NOT NULL             -- 'number', 'code', 'words' or 'own device'
    ) STRICT""",
    # The copy of the key log: entry n, and the hash of the largest complete subtree that ends with it.
    """CREATE TABLE key_log (
        position INTEGER PRIMARY KEY, entry BLOB NOT NULL, subtree BLOB NOT NULL, root BLOB NOT NULL
    ) STRICT""",
    # The content of the entries; an entry with an invalid signature has none.
    """CREATE TABLE log_accounts (
        user TEXT PRIMARY KEY,
        account_key BLOB NOT NULL,
        at INTEGER NOT NULL,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE log_certificates (
        digest BLOB PRIMARY KEY,         -- SHA-256 of the certificate
        user TEXT NOT NULL,
        device TEXT NOT NULL,
        account_key BLOB NOT NULL,
        certificate BLOB NOT NULL,
        position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX log_certificates_of ON log_certificates (user, position)",
    # The entry itself: a position means another one when a restored server has lost some.
    "CREATE TABLE log_revocations (device TEXT PRIMARY KEY, entry BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # Heads that others say they saw and that are beyond our copy: compared when it is as long.
    """CREATE TABLE log_heard (
        user TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        root BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE alarms (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        about TEXT NOT NULL,             -- whom or what it is about: told once
        at INTEGER NOT NULL,
        detail TEXT NOT NULL,            -- what was seen, in words of ours
        dismissed INTEGER NOT NULL DEFAULT 0,
        UNIQUE (kind, about)
    ) STRICT""",
    # Entries of the key log that a restored server has not any more; what they said holds all the same.
    """CREATE TABLE key_log_lost (
        id INTEGER PRIMARY KEY,
        position INTEGER NOT NULL,
        entry BLOB NOT NULL,
        root BLOB NOT NULL               -- of the log with this entry
    ) STRICT""",
)

_GROUPS: Final = (
    # How far each encrypted room was processed; a room is here for good once it is known to be encrypted.
    """CREATE TABLE mls_rooms (
        room TEXT PRIMARY KEY,
        cursor INTEGER NOT NULL DEFAULT 0,   -- the last event that was processed
        since INTEGER,                       -- the event from which on nothing readable is taken
        group_id TEXT,                       -- the group that is in force, as the log says
        contested INTEGER NOT NULL DEFAULT 0, -- a member could not follow that group
        suite INTEGER NOT NULL DEFAULT 3,    -- the strongest that a group of the room had: never a weaker one
        roster BLOB                          -- the last known one, for good: who was removed is not forgotten
    ) STRICT, WITHOUT ROWID""",
    # A group that was left keeps its row: its id and highest epoch refuse an old Welcome (key reuse).
    """CREATE TABLE mls_groups (
        group_id TEXT PRIMARY KEY,
        room TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('creating', 'active', 'refused', 'gone')),
        version BLOB NOT NULL,               -- random, new at each write: who has another one reloads
        epoch INTEGER NOT NULL,
        state BLOB,                          -- the engine's, keys in clear; NULL once it is gone
        ended TEXT NOT NULL DEFAULT '[]',    -- when the past epochs ended, the newest first, by two clocks
        joined INTEGER NOT NULL DEFAULT 0,   -- when this device came in
        own_since INTEGER,                   -- when it last renewed its keys
        sent INTEGER NOT NULL DEFAULT 0,     -- messages of its own since then
        contest INTEGER,                     -- the epoch that we could not follow, until it was reported
        request TEXT,                        -- of its creation, until the log shows it
        roster BLOB,                         -- the room's members
        displaced INTEGER NOT NULL DEFAULT 0 -- another copy of this home has renewed the keys of our leaf
    ) STRICT, WITHOUT ROWID""",
    # A commit that is not in the log yet: the exact body, so that a resend is the same request.
    """CREATE TABLE mls_staged (
        group_id TEXT PRIMARY KEY,
        request TEXT NOT NULL,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # Every id that a message of the room had: replies and edits refer to it, and a second one is a replay.
    """CREATE TABLE mls_messages (
        room TEXT NOT NULL,
        id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        author TEXT NOT NULL,
        is_text INTEGER NOT NULL,
        PRIMARY KEY (room, id)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX mls_messages_at ON mls_messages (room, seq)",
    # Encrypted messages whose event is not here: the text (its sender cannot decrypt it) and the bytes.
    """CREATE TABLE mls_sealed (
        request TEXT PRIMARY KEY,
        room TEXT NOT NULL,
        group_id TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        data BLOB NOT NULL,
        blanks INTEGER,
        payload BLOB NOT NULL,
        number INTEGER                       -- NULL: it needs another one, an older copy has used it
    ) STRICT, WITHOUT ROWID""",
    # All ciphertexts of one: the server may have stored any of them. They identify an event as our own. One
    # that was encrypted a second time may have another number: the log shows which one it has.
    """CREATE TABLE mls_ciphertexts (
        digest BLOB PRIMARY KEY,
        request TEXT NOT NULL,
        number INTEGER                       -- NULL: a commit that was dropped
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX mls_ciphertexts_of ON mls_ciphertexts (request)",
    # Encrypted rooms whose log at the server was rolled back. ``due``: the group must be recreated.
    """CREATE TABLE mls_rolled_back (
        room TEXT PRIMARY KEY,
        fork INTEGER NOT NULL,               -- the row that tells of it: what is above came since
        due INTEGER NOT NULL,
        people TEXT                          -- JSON: whom this device had in the group; NULL: unknown
    ) STRICT, WITHOUT ROWID""",
)

_MEMBERS: Final = (
    # Signed statements about a room's members. What adds someone goes when a commit has executed it; the rest
    # is kept for good, whatever the server's history is later.
    """CREATE TABLE mls_statements (
        id INTEGER PRIMARY KEY,
        room TEXT NOT NULL,
        digest BLOB NOT NULL,                -- of the statement and its author
        device TEXT NOT NULL,                -- that signed it
        signer TEXT NOT NULL,
        who TEXT NOT NULL,
        kind TEXT NOT NULL,
        statement BLOB NOT NULL,
        seq INTEGER,                         -- its place in the log; NULL: it came in a message or a commit
        waiting INTEGER NOT NULL DEFAULT 1,  -- 0: a commit has executed it
        UNIQUE (room, digest, device)
    ) STRICT""",
    # Whose invitation the person here accepted: they join no group without that admission.
    """CREATE TABLE mls_invited (
        room TEXT PRIMARY KEY, inviter TEXT NOT NULL, admission BLOB NOT NULL, until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
    # People invited on this device who have no account key yet.
    """CREATE TABLE mls_asked_in (
        room TEXT NOT NULL, user TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (room, user)
    ) STRICT, WITHOUT ROWID""",
    # The server's claims about a room, and people who accepted an invitation that is void (``why``).
    """CREATE TABLE mls_claims (
        room TEXT NOT NULL,
        user TEXT NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('ghost', 'unaccepted', 'dropped', 'void')),
        why TEXT NOT NULL,
        PRIMARY KEY (room, user)
    ) STRICT, WITHOUT ROWID""",
    # Members whose accounts were deleted, as the server says: since when, and what speaks against it.
    """CREATE TABLE closed_claims (
        room TEXT NOT NULL,
        user TEXT NOT NULL,
        since INTEGER NOT NULL,              -- by this device's clock
        head INTEGER NOT NULL,               -- the newest event here at that time
        written INTEGER NOT NULL DEFAULT 0,  -- 1: one of their devices has written since
        removed INTEGER,                     -- when this device removed them
        PRIMARY KEY (room, user)
    ) STRICT, WITHOUT ROWID""",
)

_ORDER: Final = (
    # What this device has processed of a room, as its own messages say it, and how it numbers them.
    """CREATE TABLE mls_links (
        room TEXT PRIMARY KEY,
        number INTEGER NOT NULL,             -- of its newest message
        seen INTEGER NOT NULL,
        base INTEGER NOT NULL,
        running BLOB NOT NULL,
        tip BLOB NOT NULL,
        place INTEGER NOT NULL,              -- the highest in mls_places
        epoch_number INTEGER NOT NULL,       -- number, seen and place when the epoch began
        epoch_seen INTEGER NOT NULL,
        epoch_place INTEGER NOT NULL,
        whole INTEGER NOT NULL,              -- nothing sealed was in the room before this device
        older INTEGER NOT NULL DEFAULT 0     -- an older copy of a home: it takes fresh keys first
    ) STRICT, WITHOUT ROWID""",
    # Every encrypted event in order; a missing one has a place without an event.
    """CREATE TABLE mls_places (
        room TEXT NOT NULL,
        place INTEGER NOT NULL,
        seq INTEGER NOT NULL,                -- the event (negative: lost), or whose row tells what is missing
        digest BLOB,                         -- of its ciphertext, NULL where that is not known
        weight INTEGER NOT NULL,             -- events that it stands for
        unread TEXT,                         -- whose it is, as the server says, where it could not be read
        number INTEGER,                      -- of this device's own messages
        PRIMARY KEY (room, place)
    ) STRICT, WITHOUT ROWID""",
    "CREATE INDEX mls_places_tip ON mls_places (room, substr(digest, 1, 8)) WHERE digest IS NOT NULL",
    # What each device has shown (``order.Shown`` as MessagePack).
    """CREATE TABLE mls_shown (
        room TEXT NOT NULL,
        device TEXT NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (room, device)
    ) STRICT, WITHOUT ROWID""",
    # Events that someone had processed and that are not here; ``seq`` is the event whose row says so.
    """CREATE TABLE mls_awaited (
        room TEXT NOT NULL,
        tip BLOB NOT NULL,
        seq INTEGER NOT NULL,
        user TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (room, tip)
    ) STRICT, WITHOUT ROWID""",
    # Numbers of ours without a message; ``said_in`` is the message that declares them, until it is stored.
    """CREATE TABLE mls_voids (
        room TEXT NOT NULL,
        low INTEGER NOT NULL,
        high INTEGER NOT NULL,
        said_in INTEGER,
        PRIMARY KEY (room, low)
    ) STRICT, WITHOUT ROWID""",
    # Events that arrived blanked, until a deletion by someone who may delete them is read.
    """CREATE TABLE mls_blanks (
        room TEXT NOT NULL,
        seq INTEGER NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID""",
)

_HISTORY: Final = (
    # History that another device of ours sent, until it is taken in; ``device`` is MLS's word.
    """CREATE TABLE history_parts (
        room TEXT NOT NULL,
        seq INTEGER NOT NULL,
        device TEXT NOT NULL,
        file TEXT NOT NULL,
        key BLOB NOT NULL,
        sha256 BLOB NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (room, seq)
    ) STRICT, WITHOUT ROWID""",
)

_SCHEMA: Final = (*_ROOMS, *_IDENTITY, *_GROUPS, *_MEMBERS, *_ORDER, *_HISTORY)


def create(connection: apsw.Connection) -> None:
    """Make the tables of an empty file."""
    for statement in _SCHEMA:
        connection.execute(statement)
    connection.pragma("user_version", VERSION)
