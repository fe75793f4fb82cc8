"""Bytes: the presentation language of RFC 9420 section 2, and the numbers of its registries."""
