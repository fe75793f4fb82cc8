"""Prints lines on a terminal or a pipe, for programs without a screen."""
