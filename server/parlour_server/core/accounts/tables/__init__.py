"""Accounts, sessions, tickets and failed logins."""
