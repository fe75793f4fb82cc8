"""What is sent and signed: leaves, key packages, proposals, commits, Welcomes (RFC 9420 sections 6 to 12)."""
