"""`parlour demo`: a throwaway server process, simulated people, and a script that they play.

``kit/demo_server.py`` starts and ends the server, ``people`` are real clients, ``script`` is what they say,
``checks`` is what must hold, ``headless`` runs the checks and prints a report, ``screen`` opens the TUI among
the people.
"""
