"""End-to-end encryption in the client: keys and devices, trust in people, MLS groups, encrypted messages.

Views see ``service.Encryption`` and the values in ``status``. All secrets are in the encrypted archive.
Nothing here ever sends plaintext into an encrypted room, whatever the server says.
"""
