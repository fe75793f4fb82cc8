"""A ticker: a server that pushes prices, and a client that shows them in a table."""
