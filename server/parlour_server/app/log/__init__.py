"""Logs for programs: numbered entries, each appended only if the program's rules allow it."""
