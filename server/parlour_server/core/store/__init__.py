"""What every program stores: accounts, invites, sessions, failed logins, the journal."""
