"""Lines in and lines out of a terminal or a pipe, for the line mode and the commands."""
