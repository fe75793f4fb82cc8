"""What carries a guarantee: sockets, connections, accounts, HTTPS and the store. It knows no capability."""
