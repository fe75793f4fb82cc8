"""Sentences that every view shows in the same words, about encryption, files and secrets."""
