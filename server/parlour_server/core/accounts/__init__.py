"""Accounts: passwords, logins, sessions, tickets, limits on guessing them, and their tables."""
