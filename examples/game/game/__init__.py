"""Four in a row: a server with tables that people sit at and watch, and a client with a board."""
