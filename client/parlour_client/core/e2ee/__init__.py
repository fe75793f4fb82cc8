"""End-to-end encryption in the client: keys and devices, trust in people, MLS groups, sealed messages.

The views know ``interface`` alone. Everything secret lies in the encrypted archive; nothing here ever sends
readable text into an encrypted room, whatever the server says.
"""
