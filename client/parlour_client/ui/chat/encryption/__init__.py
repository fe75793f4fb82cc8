"""The screens of end-to-end encryption: a room's encryption, people's keys, this account's devices.

Encrypted and verified are two facts and never one colour; no screen says "secure". Each screen shows values
of ``core.e2ee.values``; ``prompts`` and ``devices`` open them.
"""
