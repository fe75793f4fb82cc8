"""Who somebody is: passwords, logins, sessions, tickets, and the brakes on guessing them."""
