"""Rooms, their logs, invitations and files."""
