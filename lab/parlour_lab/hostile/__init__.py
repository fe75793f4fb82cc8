"""The real server in the hands of a hostile operator, with real clients beside it."""
