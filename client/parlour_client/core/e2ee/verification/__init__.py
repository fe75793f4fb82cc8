"""How two people find out that they see the same keys: safety number, code, short words (SAS)."""
