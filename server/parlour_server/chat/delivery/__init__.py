"""Delivery of keys: devices and their keys, key packages, MLS groups, Welcomes, the key log. Opens nothing.

`key_delivery.py` is the way in, and says why no server goes without it. `https/` has its operations and their
endpoints, `tables/` its tables and all SQL about them; the services between them check what an operation asks
for. Who may be in a group is decided in `chat/consent`, when the event is appended.
"""
