"""End-to-end encryption in the client: keys and devices, trust in people, MLS groups, encrypted messages.

``e2ee.E2ee`` is the one object that the client and its views use; ``world.World`` is what it uses of the rest
of the client, and views see the plain ``values``. Below it, ``messages`` come in and go out, ``keep``
maintains the groups, ``group`` is MLS with the rules of rooms, ``trust`` compares keys with people, and
``identity`` has keys, pins and the key log. All secrets are in the encrypted archive. Nothing here ever sends
plaintext into an encrypted room, whatever the server says.
"""
