"""The HTTPS API that every program has: accounts, sessions, tickets, health."""
