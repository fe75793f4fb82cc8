"""Rooms, their logs, invitations and files in SQLite."""
