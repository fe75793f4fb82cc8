"""What only the running server of a program needs to know of it; no command loads it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from parlour_protocol.kit.wire import Wire
from parlour_server.app.capability import Capability, served_by
from parlour_server.app.parts import Parts, RunningProgram
from parlour_server.core.bus.bus import NoticeType
from parlour_server.core.https.error_answer import ErrorAnswer
from parlour_server.core.https.operations import Operation, Operations

_Settings = TypeVar("_Settings")
_Store = TypeVar("_Store")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedProgram(Generic[_Settings, _Store]):
    """A program, as its server needs to know it before it starts it."""

    wire: Wire[Any, Any]
    start: Callable[[Parts[_Settings, _Store]], Awaitable[RunningProgram[_Settings]]]
    operations: tuple[Operation, ...] = ()
    """Of the HTTPS API, besides those of every server. Each needs a handler (``RunningProgram``)."""
    api_summary: str = "Accounts and sessions; the program itself is a WebSocket."
    error_answers: Mapping[type[Exception], ErrorAnswer] = field(default_factory=dict)
    """How the HTTPS API answers errors that are not the kit's."""
    error_statuses: Mapping[str, HTTPStatus] = field(default_factory=dict)
    """The same for codes of ``RefusedError``; without a row 409."""
    notices: tuple[NoticeType[Any], ...] = ()
    """The notifications that its servers send each other over the bus."""
    audit_events: tuple[StrEnum, ...] = ()
    """Its own kinds of audit events."""
    repeatable_events: frozenset[StrEnum] = frozenset()
    """Those of them that anyone can cause as often as they like."""

    def all_operations(self, capabilities: tuple[Capability, ...]) -> Operations:
        """Return the operations of its HTTPS API: every server's, its own, and those of its capabilities."""
        added = served_by(capabilities)
        return Operations(
            (*self.operations, *(row for one in added for row in one.operations)),
            {name: gives for one in added for name, gives in one.or_gives.items()},
        )
