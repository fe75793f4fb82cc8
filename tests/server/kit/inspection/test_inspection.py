"""Whatever text a program takes is looked at before it: the toy has no line about inspectors."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import pytest
from tests.server.fakes import ReadableAudit, StoppedClock
from tests.server.kit.connections.toy import Ask, Client, Say, World, settle

from parlour_protocol.kit.errors import ErrorCode
from parlour_protocol.kit.fields import ReasonText, WireText
from parlour_protocol.kit.frames import Error, Ok, Part, Request
from parlour_protocol.kit.id_fields import IDENTIFIER
from parlour_protocol.kit.ids import ID_PATTERN, RequestId, new_request_id
from parlour_protocol.kit.inspect import Action, Allow, Context, File, Finding, Options, Verdict
from parlour_protocol.kit.inspect import Part as Inspectable
from parlour_protocol.kit.inspect.judge import Rule
from parlour_protocol.kit.inspect.shipped import SHIPPED
from parlour_protocol.kit.inspect.words import WordList
from parlour_protocol.kit.opaque import Opaque
from parlour_server.kit.audit import AuditEvent
from parlour_server.kit.config.server_settings import Rates
from parlour_server.kit.errors import RefusedError
from parlour_server.kit.inspection.inspection import Inspection, Sender
from parlour_server.kit.inspection.plugins import Plugin, PluginProcess
from parlour_server.kit.metrics import Metrics
from parlour_server.kit.prometheus_text import PrometheusText

CARD = "4111 1111 1111 1111"
TARGET = "tests.server.kit.inspection.plugins"


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
    """An inspection, and what it did."""

    def __init__(self, *rules: Rule, plugins: PluginProcess | None = None, fails_open: bool = False) -> None:
        self.audit, self.clock, self.metrics = ReadableAudit(), StoppedClock(), Metrics("toy")
        self.inspection = Inspection(
            rules,
            plugins,
            Options(words=WordList(["falcon"])),
            fails_open=fails_open,
            audit=self.audit,
            metrics=self.metrics.inspections(()),
            clock=self.clock,
        )

    async def look(self, frame: Any, user: str = "ada") -> Any:
        """Return the frame that may go on, and what was removed."""
        looked = self.inspection.frame(frame, Sender(user, "den"))
        return await looked if asyncio.iscoroutine(looked) else looked

    def lines(self, event: AuditEvent = AuditEvent.INSPECTED) -> list[dict[str, object]]:
        """Return what was audited."""
        return [fields for kind, fields in self.audit.events if kind is event]


def rule(name: str, action: Action = Action.BLOCK) -> Rule:
    """Return a shipped inspector that is on."""
    return Rule(name, SHIPPED[name], action)


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
    text = PrometheusText(inspected.metrics).text().decode()
    assert 'toy_inspections_total{action="flag",inspector="cards"} 1.0' in text
    strict = Inspected(rule("cards", Action.FLAG), rule("words", Action.BLOCK))
    with pytest.raises(RefusedError):
        await strict.look(frame)


def _crash(_part: Inspectable, _context: Context) -> Verdict:
    raise ValueError(f"about {CARD}")


def _answer_nonsense(_part: Inspectable, _context: Context) -> Any:
    return "allow"


@pytest.mark.parametrize("broken", [_crash, _answer_nonsense])
async def test_an_inspector_that_crashes_lets_nothing_pass(broken: Callable[..., Any]) -> None:
    """D22: unless the operator said so; both are recorded, without the text."""
    for fails_open in (False, True):
        inspected = Inspected(Rule("broken", broken, Action.BLOCK), fails_open=fails_open)
        if fails_open:
            assert (await inspected.look(form(note="hello"))).redacted == ""
        else:
            with pytest.raises(RefusedError, match=ErrorCode.CONTENT_REFUSED) as refused:
                await inspected.look(form(note="hello"))
            assert "could not check it" in refused.value.hint
        [line] = inspected.lines(AuditEvent.INSPECTOR_FAILED)
        assert (line["inspector"], line["passed"]) == ("broken", fails_open)
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
    sender = Sender("ada", "den")
    await inspected.inspection.file(File(4, b"abcd"), sender)
    await inspected.inspection.file(File(9, b"\x89PNG\r\n\x1a\n", "cat.png"), sender)
    for file in (
        File(9, b"\x7fELF...."),
        File(9, b"PK\x03\x04....", "cat.png"),
        File(9, b"hello", "cat.png"),
        File(99, f"card: {CARD}".encode(), "a.txt"),
        File(99, f"card: {CARD}".encode("utf-16"), "a.txt"),
    ):
        with pytest.raises(RefusedError):
            await inspected.inspection.file(file, sender)


async def _with_plugins(
    names: Sequence[str], use: Callable[[Inspected, PluginProcess], Any], *, seconds: float = 20.0
) -> None:
    plugins = [Plugin(name, f"{TARGET}:{name}", Action.BLOCK) for name in names]
    process = PluginProcess(plugins, StoppedClock(), seconds=seconds)
    await process.open()
    try:
        await use(Inspected(plugins=process), process)
    finally:
        await process.close()


async def test_an_inspector_of_a_package_runs_in_a_process() -> None:
    """Its findings, its errors and what it prints stay apart; what it raises is recorded by its type."""

    async def use(inspected: Inspected, _process: PluginProcess) -> None:
        assert (await inspected.look(form(note="hello"))).redacted == ""
        for note in ("HELLO", "bad", "nonsense"):
            with pytest.raises(RefusedError):
                await inspected.look(form(note=note))
        with pytest.raises(RefusedError):
            await inspected.look(form(note="crash"))
        assert inspected.lines(AuditEvent.INSPECTOR_FAILED)[-1]["why"] == "RuntimeError"
        assert "hunter22" not in str(inspected.audit.events)
        with pytest.raises(RefusedError):
            await inspected.look(form(note="exit"))
        assert (await inspected.look(form(note="hello"), "bob")).redacted == ""

    await _with_plugins(["no_shouting", "never_ends"], use)


@pytest.mark.parametrize("hangs", ["loop", "regex"])
async def test_an_inspector_that_never_ends_is_killed(hangs: str) -> None:
    """D22: the request is refused, its sender waits, and everyone else is looked at by a new process."""

    async def use(inspected: Inspected, process: PluginProcess) -> None:
        before = process.pid
        with pytest.raises(RefusedError) as refused:
            await inspected.look(form(note=hangs))
        assert "could not check it" in refused.value.hint
        assert inspected.lines(AuditEvent.INSPECTOR_FAILED)[-1]["why"] == "too slow"
        with pytest.raises(RefusedError):
            await inspected.look(form(note="hello"))  # no one occupies the process
        assert process.pid is None
        assert (await inspected.look(form(note="hello"), "bob")).redacted == ""
        assert process.pid not in {before, None}

    await _with_plugins(["never_ends"], use, seconds=1.0)


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

    async def use(inspected: Inspected, _process: PluginProcess) -> None:
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

    await _with_plugins(["no_shouting"], use)


def test_a_kind_is_one_line_of_ascii() -> None:
    """It goes into the audit log and into the answer."""
    for kind in ("", "a\nb", "x" * 81, "ключ"):
        with pytest.raises(ValueError, match="kind of a finding"):
            Finding(kind)
    assert ReasonText.parse(Finding("a card number").kind)
    assert Allow() == Allow()
