"""Devices, key packages, the key log and MLS groups."""
