"""Devices, key packages, the key log and MLS groups in SQLite: what a server keeps of encryption."""
