"""Accounts, sessions, tickets and failed logins in SQLite."""
