"""The ratchet tree: members, public keys, hashes, update paths (RFC 9420 sections 4 and 7)."""
