"""Maintains groups while a connection lasts: scheduling, reconciling, key renewal, erasing."""
