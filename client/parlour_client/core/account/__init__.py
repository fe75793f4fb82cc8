"""Joining a server, logging in and out: the account of one home folder."""
