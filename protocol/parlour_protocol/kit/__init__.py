"""The base of every real-time program: strict codec, state machine, ids, names, text, limits.

It knows no chat: a program brings its own frames (``wire.Wire``). No I/O, no framework.
"""
