"""The delivery service: devices and their keys, key packages, groups, the key log. Opens nothing."""
