"""Encrypted messages, outgoing and incoming: requests, events, files, receipts, history."""
