"""The doors: how the welcome screen gets a client, told as two callables of the composition root.

The screen parses what was typed into types; whoever gives the doors connects, checks the server and saves the
account. Raise ``ParlourClientError`` to say no in words.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from parlour_client.core.interface import ChatClient
from parlour_protocol.link import InviteLink, ServerAddress
from parlour_protocol.names import DeviceName, UserName
from parlour_protocol.secret import Secret


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants to come in."""

    user: UserName
    password: Secret
    device: DeviceName


@dataclass(frozen=True, slots=True)
class Doors:
    """Log in at an address, or join with an invite link. Both return a client that is not started."""

    login: Callable[[ServerAddress, Person], Awaitable[ChatClient]]
    join: Callable[[InviteLink, Person], Awaitable[ChatClient]]
    device: str = ""
    """What to propose as this device's name."""
