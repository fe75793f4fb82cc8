"""Reads and prints lines on a terminal or a pipe, for the line mode and the commands."""
