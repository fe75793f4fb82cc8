"""Comparing keys with people: safety numbers, codes, five words."""
