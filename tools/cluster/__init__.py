"""A whole cluster as real processes on loopback: PostgreSQL, NATS, several nodes, and a front for clients.

It needs nothing installed but the packages of the development environment: PostgreSQL and NATS come from
wheels. ``Cluster`` starts everything and ends it; each of its parts can be killed, paused, continued and
started again. `make cluster` shows it (``demo.py``), and tests and the torture run use it.
"""
