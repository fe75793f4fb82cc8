"""Scripts for people who work on Parlour, run as `python -m tools.NAME` from the project root."""
