"""`parlour demo`: a throw-away server process, simulated people, and a script that they play.

``house`` starts and ends the server, ``people`` are real clients, ``script`` is what they say, ``acts``
what is checked, ``headless`` plays and reports, ``stage`` opens the TUI among them.
"""
