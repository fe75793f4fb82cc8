"""Whatever text a program takes is looked at before it: the toy has no line about inspectors."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
import pytest
import pytest_asyncio
from tests.server.core.connections.toy import Ask, Client, Say, World, settle
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.frames import Error, Ok, Part, Request
from parlour_protocol.kit.id_fields import IDENTIFIER
from parlour_protocol.kit.ids import ID_PATTERN, RequestId, new_request_id
from parlour_protocol.kit.inspect import Action, Allow, Context, Finding, Options
from parlour_protocol.kit.inspect import Part as Inspectable
from parlour_protocol.kit.inspect.file_texts import HEAD_BYTES
from parlour_protocol.kit.inspect.judge import Rule, judge
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.texts import texts_of
from parlour_protocol.kit.inspect.words import WordList
from parlour_protocol.kit.opaque import Opaque
from parlour_protocol.kit.payload import Payload
from parlour_server.app.metrics import Metrics
from parlour_server.capabilities.inspection.inspection import Inspection, InspectionEvent
from parlour_server.capabilities.inspection.inspector_process import InspectorProcess
from parlour_server.capabilities.inspection.metrics import InspectionMetrics
from parlour_server.capabilities.inspection.plugins import Plugin
from parlour_server.capabilities.prometheus.text import PrometheusText
from parlour_server.core.config.server_settings import Rates
from parlour_server.core.content_filter import NamedFile, Sender
from parlour_server.core.errors import RefusedError

CARD = "4111 1111 1111 1111"
TARGET = "tests.server.capabilities.inspection.plugins"


class Title(WireText):
    """A title."""

    __slots__ = ()
    max_bytes = 100


class Blob(Opaque):
    """Bytes."""

    __slots__ = ()
    max_bytes = 30_000


class Row(Part, frozen=True):
    """A row of a form."""

    label: Annotated[str, msgspec.Meta(max_length=200)]
    value: Title | None = None


class Form(Request, frozen=True, tag="form"):
    """A request of which no inspector has heard."""

    rows: tuple[Row, ...] = ()
    note: Annotated[str, msgspec.Meta(max_length=300)] = ""
    form: Annotated[str, msgspec.Meta(pattern=ID_PATTERN, extra=IDENTIFIER)] = ""
    sealed: Blob | None = None


class Inspected:
    """An inspection, and what it did. Its process starts with the first request."""

    started: ClassVar[list[InspectorProcess]] = []

    def __init__(
        self,
        *shipped: tuple[str, Action],
        plugins: Sequence[str] = (),
        fails_open: bool = False,
        seconds: float = 20.0,
    ) -> None:
        self.audit, self.clock, self.metrics = ReadableAudit(), StoppedClock(), Metrics()
        self.process = InspectorProcess(
            shipped,
            [Plugin(name, f"{TARGET}:{name}", Action.BLOCK) for name in plugins],
            Options(words=WordList(["falcon"])),
            self.clock,
            seconds=seconds,
        )
        self.started.append(self.process)
        self.inspection = Inspection(
            self.process,
            fails_open=fails_open,
            audit=self.audit,
            metrics=InspectionMetrics(self.metrics, ()),
            clock=self.clock,
        )

    async def look(self, frame: Any, user: str = "ada") -> Any:
        """Return the frame that may go on, and what was removed."""
        looked = self.inspection.frame(frame, Sender(user, "den"))
        return await looked if asyncio.iscoroutine(looked) else looked

    def lines(self, event: InspectionEvent = InspectionEvent.INSPECTED) -> list[dict[str, object]]:
        """Return what was audited."""
        return [fields for kind, fields in self.audit.events if kind is event]


@pytest_asyncio.fixture(autouse=True)
async def processes() -> AsyncIterator[None]:
    """End the processes of a test."""
    yield
    while Inspected.started:
        await Inspected.started.pop().close()


def rule(name: str, action: Action = Action.BLOCK) -> tuple[str, Action]:
    """Return a shipped inspector that is on."""
    return name, action


def form(**fields: Any) -> Form:
    """Return a form."""
    return Form(id=new_request_id(), **fields)


@pytest.mark.parametrize(
    "frame",
    [
        form(note=f"pay with {CARD}"),
        form(rows=(Row("ok"), Row(CARD))),
        form(rows=(Row("ok"), Row("card", Title(CARD)))),
        form(note="4\u200b1\u200b1\u200b1 \uff11\uff11\uff11\uff11 \u0661\u0661\u0661\u0661 1111"),
    ],
)
async def test_a_request_that_no_one_thought_of_is_looked_at(frame: Form) -> None:
    """D21: every string in it that is not an identifier, however deep and in whatever digits."""
    inspected = Inspected(rule("cards"))
    with pytest.raises(RefusedError) as refused:
        await inspected.look(frame)
    assert refused.value.code == ErrorCode.CONTENT_REFUSED
    assert refused.value.hint.startswith("a card number was found, which this server does not accept: remove")
    [line] = inspected.lines()
    assert line["finding"] == "a card number"
    assert (line["inspector"], line["action"], line["user"], line["room"]) == ("cards", "block", "ada", "den")
    assert "1111" not in str(inspected.audit.events)


class Draft(Payload, frozen=True):
    """The body of a program's HTTPS operation, which may have what no frame has."""

    tags: list[Title] = msgspec.field(default_factory=list)
    seen: frozenset[Title] = frozenset()
    marks: dict[Title, Row] = msgspec.field(default_factory=dict)


@pytest.mark.parametrize("action", [Action.BLOCK, Action.REDACT])
@pytest.mark.parametrize(
    "body",
    [
        Draft(tags=[Title("ok"), Title(CARD)]),
        Draft(seen=frozenset((Title(CARD),))),
        Draft(marks={Title(CARD): Row("ok")}),
        Draft(marks={Title("ok"): Row("ok", Title(CARD))}),
    ],
)
async def test_no_text_of_a_body_is_left_out(body: Draft, action: Action) -> None:
    """D21: nor one in a list, a set, or an object of any keys; none of them is redacted in a body."""
    inspected = Inspected(rule("cards", action))
    with pytest.raises(RefusedError) as refused:
        await inspected.inspection.body(body, Sender("ada"))
    assert refused.value.code == ErrorCode.CONTENT_REFUSED


async def test_identifiers_are_no_text() -> None:
    """A random id looks like a key, and is none."""
    frame = form(form="4fQ9zKx7Lm2Pw8RtYv3Bn6")
    assert (await Inspected(rule("secrets")).look(frame)).frame == frame


async def test_what_is_redacted_never_reaches_the_program() -> None:
    """D20: the request is the same but for the texts, and its sender is told."""
    frame = form(note=f"a {CARD} b", rows=(Row("x", Title(CARD)),))
    looked = await Inspected(rule("cards", Action.REDACT)).look(frame)
    assert looked.frame.note == "a [removed: a card number] b"
    assert looked.frame.rows == (Row("x", Title("[removed: a card number]")),)
    assert looked.redacted == "a card number was removed before it was stored"
    assert looked.frame.id == frame.id


async def test_what_a_field_does_not_take_is_refused_instead() -> None:
    """D20: a redaction that would not fit is no way around it."""
    frame = form(rows=(Row("x", Title(CARD + " " * 80 + "!")),))
    with pytest.raises(RefusedError):
        await Inspected(rule("cards", Action.REDACT)).look(frame)


async def test_what_is_flagged_passes_and_is_recorded() -> None:
    """The strictest action of several decides."""
    inspected = Inspected(rule("cards", Action.FLAG), rule("words", Action.FLAG))
    frame = form(note=f"{CARD} f\u0430lcon")  # with a Cyrillic letter
    assert (await inspected.look(frame)).frame == frame
    assert [line["inspector"] for line in inspected.lines()] == ["cards", "words"]
    text = PrometheusText("toy", inspected.metrics).text().decode()
    assert 'toy_inspections_total{action="flag",inspector="cards"} 1.0' in text
    strict = Inspected(rule("cards", Action.FLAG), rule("words", Action.BLOCK))
    with pytest.raises(RefusedError):
        await strict.look(frame)


@pytest.mark.parametrize(("broken", "why"), [("crashes", "ValueError"), ("answers_nonsense", "TypeError")])
async def test_an_inspector_that_crashes_lets_nothing_pass(broken: str, why: str) -> None:
    """D22: unless the operator said so; both are recorded, without the text."""
    for fails_open in (False, True):
        inspected = Inspected(plugins=[broken], fails_open=fails_open)
        if fails_open:
            assert (await inspected.look(form(note="hello"))).redacted == ""
        else:
            with pytest.raises(RefusedError, match=ErrorCode.CONTENT_REFUSED) as refused:
                await inspected.look(form(note="hello"))
            assert "could not check it" in refused.value.hint
        [line] = inspected.lines(InspectionEvent.INSPECTOR_FAILED)
        assert (line["inspector"], line["passed"], line["why"]) == (broken, fails_open, why)
        assert "1111" not in str(line)


async def test_a_tunnel_is_found_by_its_entropy_and_its_pace() -> None:
    """D25: base64 again and again; a person who writes, or pastes once, is not found."""
    inspected = Inspected(rule("tunnel"))
    blob = "QUJDREVGRw8d7cK1z9XbW0v5tRmYpLkJhGfD" * 20
    for _ in range(5):
        await inspected.look(form(note=blob[:300]))
        inspected.clock.pass_seconds(2)
    for number in range(40):
        await inspected.look(form(note=f"a sentence that a person writes, number {number}"), "bob")
        inspected.clock.pass_seconds(1)
    inspected.clock.pass_seconds(20)
    for _ in range(5):
        await inspected.look(form(note=blob[:300]), "cy")
    with pytest.raises(RefusedError):
        await inspected.look(form(note=blob[:300]), "cy")
    sealed = form(sealed=Blob(bytes(20_000)))  # of what can't be read, size and pace are left
    for number in range(19):
        await inspected.look(sealed, "eve")
        await inspected.look(sealed, "finn" if number % 2 else "gus")
        inspected.clock.pass_seconds(3)
    with pytest.raises(RefusedError):
        await inspected.look(sealed, "eve")


async def test_a_file_is_looked_at_by_its_content() -> None:
    """D20: a program, a name that claims something else, and a text with a card in it."""
    inspected = Inspected(rule("files"), rule("cards", Action.REDACT))

    async def look(content: bytes, name: str = "") -> None:
        async def head(most: int) -> bytes:
            return content[:most]

        await inspected.inspection.file(NamedFile(len(content), name, "", head), Sender("ada", "den"))

    await look(b"abcd")
    await look(b"\x89PNG\r\n\x1a\n", "cat.png")
    await look(b"", "gone.png")  # the program knows no such file
    for content, name in (
        (b"\x7fELF....", ""),
        (b"PK\x03\x04....", "cat.png"),
        (b"hello", "cat.png"),
        (f"card: {CARD}".encode(), "a.txt"),
        (f"card: {CARD}".encode("utf-16"), "a.txt"),
    ):
        with pytest.raises(RefusedError):
            await look(content, name)


async def test_an_inspector_of_a_package_runs_in_a_process() -> None:
    """Its findings, its errors and what it prints stay apart; what it raises is recorded by its type."""
    inspected = Inspected(plugins=["no_shouting", "never_ends"])
    assert (await inspected.look(form(note="hello"))).redacted == ""
    for note in ("HELLO", "bad", "nonsense"):
        with pytest.raises(RefusedError):
            await inspected.look(form(note=note))
    with pytest.raises(RefusedError):
        await inspected.look(form(note="crash"))
    assert inspected.lines(InspectionEvent.INSPECTOR_FAILED)[-1]["why"] == "RuntimeError"
    assert "hunter22" not in str(inspected.audit.events)
    with pytest.raises(RefusedError):
        await inspected.look(form(note="exit"))
    assert (await inspected.look(form(note="hello"), "bob")).redacted == ""


@pytest.mark.parametrize("hangs", ["loop", "regex"])
async def test_an_inspector_that_never_ends_is_killed(hangs: str) -> None:
    """D22: the request is refused, its sender waits, and everyone else is looked at by a new process."""
    inspected = Inspected(plugins=["never_ends"], seconds=1.0)
    process = inspected.process
    before = process.pid
    with pytest.raises(RefusedError) as refused:
        await inspected.look(form(note=hangs))
    assert "could not check it" in refused.value.hint
    assert inspected.lines(InspectionEvent.INSPECTOR_FAILED)[-1]["why"] == "too slow"
    with pytest.raises(RefusedError):
        await inspected.look(form(note="hello"))  # no one occupies the process
    assert process.pid is None
    assert (await inspected.look(form(note="hello"), "bob")).redacted == ""
    assert process.pid not in {before, None}


async def test_no_one_occupies_the_inspectors_with_many_requests_at_once() -> None:
    """D22: those that wait for their turn already are refused as well, and the next sender is not."""
    inspected = Inspected(plugins=["never_ends"], seconds=1.0)
    mallory = [asyncio.ensure_future(inspected.look(form(note="loop"), "mallory")) for _ in range(30)]
    async with asyncio.timeout(15):
        assert (await inspected.look(form(note="hello"), "bob")).redacted == ""
    assert all(
        isinstance(one, RefusedError) for one in await asyncio.gather(*mallory, return_exceptions=True)
    )
    assert [line["why"] for line in inspected.lines(InspectionEvent.INSPECTOR_FAILED)].count("too slow") == 1


async def test_a_stranger_does_not_keep_others_from_logging_in() -> None:
    """D22: without an account, the address waits that the text came from."""
    inspected = Inspected(plugins=["never_ends"], seconds=1.0)
    for note, address, passes in (
        ("loop", "192.0.2.1", False),
        ("hi", "192.0.2.1", False),
        ("hi", "::1", True),
    ):
        try:
            await inspected.inspection.body(form(note=note), Sender("", address=address))
        except RefusedError:
            assert not passes
        else:
            assert passes


async def test_shipped_inspectors_have_the_same_limit() -> None:
    """D22: one that takes too long is killed like any other."""
    inspected = Inspected(rule("secrets"), seconds=0.0)
    with pytest.raises(RefusedError) as refused:
        await inspected.look(form(note="hello"))
    assert "could not check it" in refused.value.hint
    [line] = inspected.lines(InspectionEvent.INSPECTOR_FAILED)
    assert (line["inspector"], line["why"]) == ("the shipped inspectors", "too slow")


async def test_looking_costs_the_event_loop_next_to_nothing() -> None:
    """D22: whatever a text costs, it costs another process."""
    inspected = Inspected(
        rule("cards", Action.FLAG), rule("secrets", Action.FLAG), rule("words", Action.FLAG)
    )
    await inspected.look(form(note="hello"))
    hard = form(rows=(Row("4111 1111 1111 1111 \u00e9 " * 8),) * 200)
    before = time.process_time()
    for _ in range(10):
        await inspected.look(hard)
    here = time.process_time() - before
    parts: list[Inspectable] = [text for _, text in texts_of(hard)]
    before = time.process_time()
    for _ in range(10):
        judge(
            [Rule(name, SHIPPED[name], Action.FLAG) for name in ("cards", "secrets", "words")],
            parts,
            Context("ada"),
        )
    assert here < (time.process_time() - before) / 2


async def test_all_the_text_of_a_file_is_looked_at() -> None:
    """D20: behind its beginning, and across the edges between its pieces."""
    inspected = Inspected(rule("cards"), rule("size"), rule("tunnel"))

    async def look(data: bytes) -> None:
        file = inspected.inspection.upload(len(data), Sender("ada"))
        for at in range(0, len(data), 50_000):
            await file.more(data[at : at + 50_000])
        await file.end()

    lines = b"a line of a table, with numbers: 1, 2, 3\n" * 5_000
    await look(lines)
    for at in (0, 10, HEAD_BYTES - 9, 2 * HEAD_BYTES + 1, len(lines)):
        with pytest.raises(RefusedError) as refused:
            await look(lines[:at] + f" {CARD} ".encode() + lines[at:])
        assert refused.value.hint.startswith("a card number was found")
    assert len(inspected.lines()) == 5
    await look(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 400 + CARD.encode())  # not a text


async def test_an_inspector_that_fails_hides_no_rest_of_a_file_from_the_others() -> None:
    """D20: where the operator lets pass what could not be looked at, what could be is still refused."""
    inspected = Inspected(rule("cards"), plugins=["crashes"], fails_open=True)
    data = b"a line of a table, with numbers: 1, 2, 3\n" * 5_000 + f" {CARD} ".encode()
    file = inspected.inspection.upload(len(data), Sender("ada"))
    await file.more(data)
    with pytest.raises(RefusedError) as refused:
        await file.end()
    assert refused.value.hint.startswith("a card number was found")


async def _ask(world: World, client: Client, words: str) -> Ok[Any] | Error:
    request: RequestId = world.send(client, Say, words=words)
    for _ in range(2000):
        await settle()
        if client.answers(request):
            break
        await asyncio.sleep(0.005)
    return client.answer(request)


async def test_no_program_is_reached_by_what_is_blocked() -> None:
    """D21: the connection service looks before the program; nothing in the toy has to."""
    inspected = Inspected(rule("cards"), rule("words", Action.REDACT))
    world = World(Rates(), {}, inspected.inspection)
    got: list[str] = []
    world.toy.on_request = lambda _, request: got.append(str(getattr(request, "words", "")))
    ada = await world.connect()
    refused = await _ask(world, ada, f"my card is {CARD}")
    assert isinstance(refused, Error)
    assert refused.code == ErrorCode.CONTENT_REFUSED
    assert CARD not in refused.hint
    answer = await _ask(world, ada, "the falcon flies")
    assert isinstance(answer, Ok)
    assert answer.redacted == "a word that this server does not accept was removed before it was stored"
    assert isinstance(await _ask(world, ada, "hello"), Ok)
    assert await world.ask(ada, Ask) == "ok"
    assert got == ["the [removed: a word that this server does not accept] flies", "hello", ""]
    await world.service.close()


async def test_requests_keep_their_order_behind_a_process() -> None:
    """What is pending does not overtake, and is answered once."""
    inspected = Inspected(plugins=["no_shouting"])
    world = World(Rates(), {}, inspected.inspection)
    got: list[str] = []
    world.toy.on_request = lambda _, request: got.append(str(getattr(request, "words", "")))
    ada = await world.connect()
    sent = [world.send(ada, Say, words=f"number {number}") for number in range(20)]
    sent.append(world.send(ada, Say, words="BAD"))
    await _ask(world, ada, "the last")
    assert got == [*(f"number {number}" for number in range(20)), "the last"]
    assert [ada.code(one) for one in sent] == ["ok"] * 20 + ["content_refused"]
    await world.service.close()


def test_a_kind_is_one_line_of_ascii() -> None:
    """It goes into the audit log and into the answer."""
    for kind in ("", "a\nb", "x" * 81, "ключ"):
        with pytest.raises(ValueError, match="kind of a finding"):
            Finding(kind)
    assert ReasonText.parse(Finding("a card number").kind)
    assert Allow() == Allow()
