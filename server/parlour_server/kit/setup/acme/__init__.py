"""Certificates of a public CA by ACME (RFC 8555), for the key that the server has.

`request.py` asks for one: it signs the request with the server's key, and checks what comes back. What speaks
with the CA is a process of its own (`child.py`, `order.py`, `network.py`), which never sees that key.
`answers.py` and `dns_hook.py` answer the CA's challenges, `renewal.py` renews in time while the server runs.
"""
