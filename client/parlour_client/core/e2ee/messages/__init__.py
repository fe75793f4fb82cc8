"""Encrypted messages on their way out and in: send queues, incoming events, files, receipts, history."""
