"""The screens of end-to-end encryption: what a room's is worth, who people are, one's own devices.

Encrypted and verified are two facts and never one colour; no screen says "secure". Each screen shows values
of ``core.e2ee.status``; ``screens.encryption_part`` opens them.
"""
