"""The attacks that every program withstands, on this one."""

from parlour_server.testing.attacks import *  # noqa: F403
