"""The attacks that every program withstands, on this one."""

from parlour_server.kit.testing.attacks import *  # noqa: F403
