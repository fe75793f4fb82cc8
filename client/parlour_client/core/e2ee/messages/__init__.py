"""Encrypted messages, outgoing and incoming: send queues, events, files, receipts, history."""
