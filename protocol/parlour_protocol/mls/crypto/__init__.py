"""Cryptographic primitives and the cipher suites made of them (RFC 9420 section 5.1)."""
