"""Authentication: passwords, logins, sessions, tickets, and limits on guessing them."""
