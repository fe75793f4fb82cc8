"""The store of every program: accounts, invites, sessions, failed logins, the journal."""
