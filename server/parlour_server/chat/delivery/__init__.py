"""The delivery service: devices and their keys, key packages, groups, the key log. Opens nothing.

`https/key_delivery.py` is the way in: it says why no server goes without it.
"""
