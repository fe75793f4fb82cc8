"""Looks at every request and file before the program sees it, as the operator set (`[inspection]`).

The connection service and the request guard call it, so no program can leave it out: every string of a
request that is not an identifier is looked at. What is blocked is refused with a code and a sentence that
says what was found; what is redacted reaches the program without it, and the answer says so. Findings are
audited and counted without the text.

An inspector that fails (it raises, takes too long, its process dies) lets nothing pass, unless
`inspection.on_failure` says otherwise; both are logged.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast

import msgspec

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.inspect.inspector import Context, File, Options, Part, Sealed, Sent
from parlour_protocol.kit.inspect.judge import NOTHING, Outcome, Rule, judge
from parlour_protocol.kit.inspect.texts import opaque_bytes, texts_of, with_texts
from parlour_protocol.kit.inspect.traffic import SENT_KEPT, sent_of
from parlour_protocol.kit.inspect.verdict import Action
from parlour_server.kit.audit import Audit, AuditEvent
from parlour_server.kit.clock import Clock
from parlour_server.kit.errors import RefusedError
from parlour_server.kit.inspection.plugins import PluginProcess
from parlour_server.kit.logs import warn
from parlour_server.kit.metrics import InspectionMetrics

BUDGET_SECONDS: Final = 0.001
"""For all inspectors of one request; more is logged, at most once a minute, and counted."""
_SENDERS: Final = 4_096
"""Whose last parts are remembered; the ones that were quiet longest are forgotten first."""
_SHOWN_KINDS: Final = 3
_LOG_SECONDS: Final = 60.0
_F = TypeVar("_F", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Inspected(Generic[_F]):
    """A frame that may go on. ``redacted``: what was removed from it, for its sender; empty for nothing."""

    frame: _F
    redacted: ReasonText = ReasonText()


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends something, and where to."""

    user: str
    room: str = ""
    connection: str = ""


class Inspection:
    """All inspectors of a server."""

    def __init__(
        self,
        rules: Sequence[Rule],
        plugins: PluginProcess | None,
        options: Options,
        *,
        fails_open: bool,
        audit: Audit,
        metrics: InspectionMetrics,
        clock: Clock,
    ) -> None:
        """``rules`` run here, ``plugins`` elsewhere. ``fails_open``: what was not looked at passes."""
        self._rules = tuple(rules)
        self._plugins = plugins
        self._options = options
        self._fails_open = fails_open
        self._audit = audit
        self._metrics = metrics
        self._clock = clock
        self._recent: OrderedDict[str, deque[Sent]] = OrderedDict()
        self._logged_at = -_LOG_SECONDS

    def frame(self, frame: _F, sender: Sender) -> Inspected[_F] | Awaitable[Inspected[_F]]:
        """Return the frame as it may go on. Raises RefusedError, or lets what is returned raise it."""
        texts = texts_of(frame)
        parts: list[Part] = [text for _, text in texts]
        if not parts:
            size = opaque_bytes(frame)
            if not size:
                return Inspected(frame)
            parts = [Sealed(size)]
        context = self._context(parts, sender)
        outcome = self._timed(parts, context)
        paths = [path for path, _ in texts]
        if self._plugins is None or outcome.action is Action.BLOCK:
            return self._decide_frame(frame, paths, parts, outcome, sender)
        return self._with_plugins(frame, paths, parts, outcome, context, sender)

    async def body(self, body: _F, sender: Sender) -> _F:
        """Return a body of the HTTPS API if it may go on. Raises RefusedError.

        Its answer has no place to say what was removed, so what would be redacted is refused.
        """
        looked = self.frame(body, sender)
        inspected = looked if isinstance(looked, Inspected) else await looked
        if inspected.redacted:
            raise _refused([inspected.redacted.removesuffix(_REMOVED)])
        return inspected.frame

    async def file(self, file: File, sender: Sender) -> None:
        """Return if the file may be kept; it can't be redacted, so that refuses it. Raises RefusedError."""
        context = self._context([file], sender)
        outcome = await asyncio.to_thread(self._timed, [file], context)
        if self._plugins is not None and outcome.action is not Action.BLOCK:
            outcome = outcome.and_also(await self._plugins.judge([file], context))
        self._record(outcome, [file], sender)
        if outcome.action in {Action.BLOCK, Action.REDACT}:
            raise _refused((*outcome.kinds(Action.BLOCK), *outcome.kinds(Action.REDACT)))

    async def _with_plugins(
        self,
        frame: _F,
        paths: Sequence[tuple[str | int, ...]],
        parts: Sequence[Part],
        outcome: Outcome,
        context: Context,
        sender: Sender,
    ) -> Inspected[_F]:
        plugins = cast("PluginProcess", self._plugins)
        theirs = await plugins.judge(parts, context)
        return self._decide_frame(frame, paths, parts, outcome.and_also(theirs), sender)

    def _decide_frame(
        self,
        frame: _F,
        paths: Sequence[tuple[str | int, ...]],
        parts: Sequence[Part],
        outcome: Outcome,
        sender: Sender,
    ) -> Inspected[_F]:
        if outcome is NOTHING:
            return Inspected(frame)
        self._record(outcome, parts, sender)
        if outcome.action is Action.BLOCK:
            raise _refused(outcome.kinds(Action.BLOCK))
        kinds = outcome.kinds(Action.REDACT)
        if not kinds:
            return Inspected(frame)
        new = zip(paths, outcome.redacted(parts), strict=False)
        try:
            redacted = with_texts(frame, {path: text for path, text in new if text is not None})
        except ValueError:  # the field does not take it: a name, a reaction
            raise _refused(kinds) from None
        return Inspected(redacted, ReasonText(_listed(kinds) + _REMOVED))

    def _context(self, parts: Sequence[Part], sender: Sender) -> Context:
        return Context(sender.user, sender.room, options=self._options, recent=self._remember(parts, sender))

    def _remember(self, parts: Sequence[Part], sender: Sender) -> tuple[Sent, ...]:
        recent = self._recent.setdefault(sender.user, deque(maxlen=SENT_KEPT))
        self._recent.move_to_end(sender.user)
        if len(self._recent) > _SENDERS:
            self._recent.popitem(last=False)
        largest = max(parts, key=_size)
        recent.append(sent_of(largest, self._clock.monotonic()))
        return tuple(recent)

    def _timed(self, parts: Sequence[Part], context: Context) -> Outcome:
        start = time.perf_counter()
        outcome = judge(self._rules, parts, context)
        seconds = time.perf_counter() - start
        self._metrics.took(seconds)
        if seconds > BUDGET_SECONDS and not isinstance(parts[0], File):
            now = self._clock.monotonic()
            if now - self._logged_at >= _LOG_SECONDS:
                self._logged_at = now
                warn("inspection_slow", milliseconds=round(seconds * 1000, 1), bytes=sum(map(_size, parts)))
        return outcome

    def _record(self, outcome: Outcome, parts: Sequence[Part], sender: Sender) -> None:
        """Audit and count what was found. Raises RefusedError if an inspector failed and nothing may pass."""
        for one in dict.fromkeys(
            (one.inspector, one.action, one.finding.kind, _place(parts[one.part])) for one in outcome.found
        ):
            inspector, action, kind, place = one
            self._metrics.found(inspector, action)
            self._audit.record(
                AuditEvent.INSPECTED,
                inspector=inspector,
                action=action.value,
                finding=kind,
                place=place,
                user=sender.user,
                room=sender.room,
                connection=sender.connection,
            )
        for inspector, why in outcome.failed:
            self._metrics.failed(inspector)
            self._audit.record(
                AuditEvent.INSPECTOR_FAILED,
                inspector=inspector,
                why=why,
                passed=self._fails_open,
                user=sender.user,
                room=sender.room,
                connection=sender.connection,
            )
        if outcome.failed and not self._fails_open:
            raise RefusedError(ErrorCode.CONTENT_REFUSED, _UNCHECKED)


_REMOVED: Final = " was removed before it was stored"
_UNCHECKED: Final = (
    "this server could not check it, and takes nothing that it could not check: try again later, "
    "or ask its operator"
)


def _refused(kinds: Sequence[str]) -> RefusedError:
    return RefusedError(
        ErrorCode.CONTENT_REFUSED,
        f"{_listed(kinds)} was found, which this server does not accept: remove it and send it again",
    )


def _listed(kinds: Sequence[str]) -> str:
    """Return the kinds for a sentence, few enough for a hint."""
    shown = list(dict.fromkeys(kinds))[:_SHOWN_KINDS]
    text = " and ".join(shown)
    return text if len(text) <= 120 else shown[0]  # noqa: PLR2004 - a hint has 256 bytes


def _size(part: Part) -> int:
    return part.size if isinstance(part, File | Sealed) else len(part.text)


def _place(part: Part) -> str:
    if isinstance(part, File):
        return "file"
    return "encrypted" if isinstance(part, Sealed) else part.place
