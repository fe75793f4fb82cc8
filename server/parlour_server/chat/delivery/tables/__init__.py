"""Devices, key packages, the key log and MLS groups: the tables, and all SQL about them."""
