"""Comparing keys with other people: safety number, code, and short authentication strings (SAS)."""
