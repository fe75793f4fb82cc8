"""Consent: what the server checks about who is in a room, by name and, where it is encrypted, by device.

``rooms/rights.py`` asks this folder, in the transaction that appends an event: ``membership_rules`` about who
comes, stays and goes, ``group_rules`` about which of their devices the group takes and lets go, and
``encrypted_message_rules`` about whether the group may be written to. ``statement_rules`` checks what people
sign about all this, and ``invitations`` keeps their invitations, answers and blocks.

It is no capability: that no one is put into a room holds for every server of the chat.
"""
