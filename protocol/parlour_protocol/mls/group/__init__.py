"""From epoch to epoch: the group as one member knows it (RFC 9420 sections 11 and 12)."""
