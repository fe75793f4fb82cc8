"""Inspection of what people send: shipped inspectors here, others in a process of their own."""
