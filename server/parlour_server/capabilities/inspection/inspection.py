"""Looks at every request and file before the program sees it, as the operator set (`[inspection]`).

It is the content filter of a server, so no program can leave it out: every string of a request that is not an
identifier is looked at. What is blocked is refused with a code and a sentence that
says what was found; what is redacted reaches the program without it, and the answer says so. Findings are
audited and counted without the text. The inspectors run in a process of their own (`inspector_process.py`).

An inspector that fails (it raises, takes too long, its process dies) lets nothing pass, unless
`inspection.on_failure` says otherwise; both are logged.
"""

from collections.abc import Awaitable, Sequence
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES, FileTexts, Piece
from parlour_protocol.kit.inspect.inspector import File, Part, Sealed, Text
from parlour_protocol.kit.inspect.judge import NOTHING, Outcome
from parlour_protocol.kit.inspect.texts import opaque_bytes, texts_of, with_texts
from parlour_protocol.kit.inspect.traffic import size_of
from parlour_protocol.kit.inspect.verdict import Action
from parlour_server.capabilities.inspection.inspector_process import InspectorProcess
from parlour_server.capabilities.inspection.metrics import InspectionMetrics
from parlour_server.core.audit import Audit
from parlour_server.core.clock import Clock
from parlour_server.core.content_filter import NamedFile, Passed, Sender
from parlour_server.core.errors import RefusedError
from parlour_server.core.output import warn

BUDGET_SECONDS: Final = 0.001
"""For all inspectors of one request; more is logged, at most once a minute, and counted."""
_SHOWN_KINDS: Final = 3
_LOG_SECONDS: Final = 60.0
_F = TypeVar("_F", bound=msgspec.Struct)
_Path = tuple[str | int, ...]


class InspectionEvent(StrEnum):
    """The audit events of inspectors. Anyone can cause both as often as they like."""

    INSPECTED = "inspected"
    INSPECTOR_FAILED = "inspector_failed"


class Inspection:
    """All inspectors of a server."""

    def __init__(
        self,
        inspectors: InspectorProcess,
        *,
        fails_open: bool,
        audit: Audit,
        metrics: InspectionMetrics,
        clock: Clock,
    ) -> None:
        """``fails_open``: what was not looked at passes."""
        self.inspectors = inspectors
        self._fails_open = fails_open
        self._audit = audit
        self.metrics = metrics
        self._clock = clock
        self._logged_at = -_LOG_SECONDS

    def frame(self, frame: _F, sender: Sender) -> Passed[_F] | Awaitable[Passed[_F]]:
        """Return the frame as it may go on; what is returned may raise RefusedError."""
        texts = texts_of(frame)
        if texts:
            return self._look(frame, texts, [text for _, text in texts], sender)
        size = opaque_bytes(frame) if self.inspectors.sees_sizes else 0
        return self._look(frame, texts, [Sealed(size)], sender) if size else Passed(frame)

    async def body(self, body: _F, sender: Sender) -> _F:
        """Return a body of the HTTPS API if it may go on. Raises RefusedError.

        Its answer has no place to say what was removed, so what would be redacted is refused.
        """
        looked = self.frame(body, sender)
        inspected = looked if isinstance(looked, Passed) else await looked
        if inspected.redacted:
            raise _refused([inspected.redacted.removesuffix(_REMOVED)])
        return inspected.frame

    def upload(self, size: int, sender: Sender) -> "IncomingFile":
        """Return what looks at a file of this size while it arrives."""
        return IncomingFile(self, size, sender)

    async def file(self, file: NamedFile, sender: Sender) -> None:
        """Return if the file may be named so, by its beginning; it can't be redacted, so that refuses it.

        Raises RefusedError.
        """
        head = await file.head(HEAD_BYTES)
        if not head:
            return  # there is no such file: the program refuses the message
        named = File(file.size, head, file.name, file.media_type)
        outcome, seconds = await self.inspectors.judge([named], sender)
        self.metrics.took(seconds)
        self.decide_file(named, outcome, sender)

    def refuses_file(self, outcome: Outcome) -> bool:
        """Return whether a file may not be kept of which so much is known."""
        failed = bool(outcome.failed) and not self._fails_open
        return failed or outcome.action in {Action.BLOCK, Action.REDACT}

    def decide_file(self, file: File, outcome: Outcome, sender: Sender) -> None:
        """Record what was found in a file. Raises RefusedError if it may not be kept."""
        self._record(outcome, [file], sender)
        if refused := (*outcome.kinds(Action.BLOCK), *outcome.kinds(Action.REDACT)):
            raise _refused(refused)

    async def _look(
        self, frame: _F, texts: Sequence[tuple[_Path, Text]], parts: Sequence[Part], sender: Sender
    ) -> Passed[_F]:
        outcome, seconds = await self.inspectors.judge(parts, sender)
        self._took(seconds, parts)
        if outcome is NOTHING:
            return Passed(frame)
        self._record(outcome, parts, sender)
        if outcome.action is Action.BLOCK:
            raise _refused(outcome.kinds(Action.BLOCK))
        kinds = outcome.kinds(Action.REDACT)
        if not kinds:
            return Passed(frame)
        new = zip((path for path, _ in texts), outcome.redacted(parts), strict=False)
        try:
            redacted = with_texts(frame, {path: text for path, text in new if text is not None})
        except ValueError:  # the field does not take it: a name, a reaction
            raise _refused(kinds) from None
        return Passed(redacted, ReasonText(_listed(kinds) + _REMOVED))

    def _took(self, seconds: float, parts: Sequence[Part]) -> None:
        self.metrics.took(seconds)
        now = self._clock.monotonic()
        if seconds > BUDGET_SECONDS and now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            warn("inspection_slow", milliseconds=round(seconds * 1000, 1), bytes=sum(map(size_of, parts)))

    def _record(self, outcome: Outcome, parts: Sequence[Part], sender: Sender) -> None:
        """Audit and count what was found. Raises RefusedError if an inspector failed and nothing may pass."""
        for one in dict.fromkeys(
            (finding.inspector, finding.action, finding.finding.kind, _place(parts[finding.part]))
            for finding in outcome.found
        ):
            inspector, action, kind, place = one
            self.metrics.found(inspector, action)
            self._audit.record(
                InspectionEvent.INSPECTED,
                inspector=inspector,
                action=action.value,
                finding=kind,
                place=place,
                user=sender.user,
                room=sender.room,
                connection=sender.connection,
            )
        for inspector, why in outcome.failed:
            self.metrics.failed(inspector)
            self._audit.record(
                InspectionEvent.INSPECTOR_FAILED,
                inspector=inspector,
                why=why,
                passed=self._fails_open,
                user=sender.user,
                room=sender.room,
                connection=sender.connection,
            )
        if outcome.failed and not self._fails_open:
            raise RefusedError(ErrorCode.CONTENT_REFUSED, _UNCHECKED)


class IncomingFile:
    """A file that is looked at while it arrives: its beginning, and what follows if it is text."""

    def __init__(self, inspection: Inspection, size: int, sender: Sender) -> None:
        """``size``: what its sender says."""
        self._inspection = inspection
        self._size = size
        self._sender = sender
        self._head = bytearray()
        self._texts: FileTexts | None = None
        self._outcome = NOTHING

    async def more(self, data: bytes) -> None:
        """Look at what has arrived. Nothing is refused before all of it has, and its sender listens."""
        if self._texts is None:
            begins = HEAD_BYTES - len(self._head)
            self._head += data[:begins]
            data = data[begins:]
            if len(self._head) < HEAD_BYTES:
                return
        for piece in (await self._following()).more(data):
            await self._look_at(piece)

    async def end(self) -> None:
        """Return if the file may be kept. Raises RefusedError."""
        for piece in (await self._following()).end():
            await self._look_at(piece)
        self._inspection.decide_file(self._file, self._outcome, self._sender)

    @property
    def _file(self) -> File:
        return File(self._size, bytes(self._head))

    async def _following(self) -> FileTexts:
        """Return what reads the text after the head, which is looked at first."""
        if self._texts is None:
            self._texts = FileTexts(bytes(self._head))
            self._outcome, seconds = await self._inspection.inspectors.judge([self._file], self._sender)
            self._inspection.metrics.took(seconds)
        return self._texts

    async def _look_at(self, piece: Piece) -> None:
        if self._inspection.refuses_file(self._outcome):
            return  # it is decided
        outcome, seconds = await self._inspection.inspectors.judge_piece(piece, self._sender)
        self._inspection.metrics.took(seconds)
        self._outcome = self._outcome.and_also(outcome)


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


def _place(part: Part) -> str:
    if isinstance(part, File):
        return "file"
    return "encrypted" if isinstance(part, Sealed) else part.place
