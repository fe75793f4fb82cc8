"""The parts that carry a guarantee: sockets, connections, accounts, HTTPS, store. They know no capability."""
