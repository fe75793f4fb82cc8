"""The line mode: the same core for screen readers, simple terminals and pipes.

Lines are printed once and never moved; each names its room. ``line_mode.run`` runs it.
"""
