"""Attacks from a web page, in a real browser: on servers with a common mistake, and on Parlour."""
