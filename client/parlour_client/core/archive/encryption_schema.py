"""The tables of end-to-end encryption, in three parts that together are one migration of the archive.

Private keys lie in them in clear, because the whole file is encrypted; nothing of this is ever written
anywhere else. ``schema`` puts the parts together.
"""

from typing import Final

IDENTITY_TABLES: Final[tuple[str, ...]] = (
    # This device's keys and what it pinned of its server, by name (``identity.Name``).
    "CREATE TABLE own_keys (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    # Devices of this account that this home made or approved itself: others are told of loudly.
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
        method TEXT NOT NULL             -- 'number', 'code' or 'words'
    ) STRICT""",
    # The copy of the key log: entry n and the head after it.
    "CREATE TABLE key_log (position INTEGER PRIMARY KEY, entry BLOB NOT NULL, digest BLOB NOT NULL) STRICT",
    # What the entries say; an entry that nobody signed as it must be says nothing.
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
    """CREATE TABLE log_revocations (device TEXT PRIMARY KEY, position INTEGER NOT NULL)
        STRICT, WITHOUT ROWID""",
    # Heads that others say they saw and that lie past our copy: compared when it is as long.
    """CREATE TABLE log_heard (
        user TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        digest BLOB NOT NULL
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
)

MLS_TABLES: Final[tuple[str, ...]] = ()

EVENT_COLUMNS: Final[tuple[str, ...]] = ()

ENCRYPTION: Final[tuple[str, ...]] = (*IDENTITY_TABLES, *MLS_TABLES, *EVENT_COLUMNS)
