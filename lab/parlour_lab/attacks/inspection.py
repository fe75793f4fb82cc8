"""What `parlour drill dlp` tries: to get secrets out past the inspectors, and bytes through a tunnel.

The inspectors stop accidents. What someone does on purpose (Base64, a message in two parts) is tried as well,
and shown as missed where it is; only what the documents claim decides the verdict.
"""

import asyncio
import base64
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

from parlour_client.core.e2ee.inspection import InspectionError, inspected
from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import SETTINGS, LabServer
from parlour_lab.wire import Wire, request
from parlour_protocol.frames.fields import MessageText
from parlour_protocol.frames.requests import Send
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import new_request_id
from parlour_protocol.kit.inspect import Action, Context, Options, Part, Verdict
from parlour_protocol.kit.inspect.policy import InspectionPolicy, PolicyError
from parlour_server.app.metrics import Metrics
from parlour_server.capabilities.inspection.inspection import Inspection
from parlour_server.capabilities.inspection.inspector_process import InspectorProcess
from parlour_server.capabilities.inspection.metrics import InspectionMetrics
from parlour_server.capabilities.inspection.plugins import Plugin
from parlour_server.core.audit import Audit
from parlour_server.core.clock import SystemClock
from parlour_server.core.content_filter import Passed, Sender
from parlour_server.core.errors import RefusedError

CARD = "4111 1111 1111 1111"
KEY = "AKIAIOSFODNN7EXAMPLE"
_INSPECTORS = """
[inspection]
secrets = "block"
cards = "block"
words = "block"
word_list = "words.txt"
files = "block"
"""
_CLAIMED = {
    "a card number": CARD,
    "a card number with dots": CARD.replace(" ", "."),
    "a card number with zero-width characters": "\u200b".join(CARD),
    "a card number in full-width digits": "".join(
        chr(0xFEE0 + ord(one)) if one > "/" else one for one in CARD
    ),
    "a card number in Arabic digits": "".join(chr(0x630 + ord(one)) if one > "/" else one for one in CARD),
    "a card number over four lines": CARD.replace(" ", "\n"),
    "a key of AWS": f"use {KEY} please",
    "a key of AWS with a soft hyphen in it": f"use AKIA\u00ad{KEY[4:]} please",
    "a private key": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----",
    "a password": "password=hunter22",
    "a word of the list": "about project falcon",
    "the word in capitals and with Cyrillic letters": "PROJECT F\u0410LC\u041eN",
    "the word with an accent and a hyphen": "pr\u00f3ject-falcon",
}
"""What the documents say is found."""
_EVASIONS = {
    "the card number in Base64": base64.b64encode(CARD.encode()).decode(),
    "the card number in hex": CARD.encode().hex(),
    "the card number backwards": CARD[::-1],
    "the card number in words": "four " + "one " * 15,
    "the card number between other digits": "7" + CARD.replace(" ", "") + "7",
    "the first half of the card number": CARD[:9],
    "the second half of it": CARD[10:],
    "the word with spaces between its letters": "p r o j e c t f a l c o n",
    "the word in ROT13": "cebwrpg snypba",
}
"""What they say is not."""


def _start(server: LabServer) -> None:
    words = server.data / "words.txt"
    words.write_text("project falcon\n", encoding="utf-8")
    words.chmod(0o600)
    (server.data / "parlour.toml").write_text(SETTINGS + _INSPECTORS)
    server.start()


def _ask(wire: Wire, numbers: Iterator[int], kind: str, /, **fields: object) -> dict[str, object]:
    number = next(numbers)
    wire.send(request(kind, number, **fields))
    return wire.told(f"probe-{number:010}")


def _is_refused(answer: dict[str, object]) -> bool:
    return answer.get("code") == "content_refused"


@attack(
    "Send card numbers, keys and listed words, in every writing that comes to mind",
    expects="What docs/how-to/inspection.md claims is refused with a sentence; the log never has the text.",
    stage=Stage.FOLDER,
)
def leaks(server: LabServer, seen: Evidence) -> bool:
    _start(server)
    numbers, leaked = itertools.count(1), 0
    try:
        with server.chatting(server.session()) as (wire, room):
            for claimed, texts in ((True, _CLAIMED), (False, _EVASIONS)):
                for what, text in texts.items():
                    found = _is_refused(_ask(wire, numbers, "send", room=room, text=text))
                    leaked += claimed and not found
                    word = "blocked" if found else "MISSED" if claimed else "missed, as documented"
                    seen.observed(f"{word}: {what}")
            seen.received(_ask(wire, numbers, "send", room=room, text=CARD))
        lines = [line for line in server.logged() if line["event"] == "inspected"]
        seen.log(lines[0] if lines else "no finding is in the log")
    finally:
        server.stop()
    in_log = CARD in server.log_text() or KEY in server.log_text()
    return leaked == 0 and bool(lines) and not in_log


@attack(
    "Put a card number into everything else that has text: edits, topics, names, reactions, files",
    expects="Each is refused: the server looks at requests, and not at some kinds of them.",
    stage=Stage.FOLDER,
)
def other_places(server: LabServer, seen: Evidence) -> bool:
    _start(server)
    numbers = itertools.count(1)
    try:
        with server.chatting(server.session()) as (wire, room):
            sent = _ask(wire, numbers, "send", room=room, text="hello")["result"]
            target = sent["seq"]  # type: ignore[index]
            file = {"file": "A" * 22, "name": f"{CARD}.txt", "media_type": "text/plain", "size": 1}
            file["sha256"] = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
            answers = {
                "an edit": _ask(wire, numbers, "edit", room=room, target=target, text=CARD),
                "a topic": _ask(wire, numbers, "set_topic", room=room, topic=CARD),
                "a reaction": _ask(wire, numbers, "react", room=room, target=target, reaction=CARD),
                "the name of a file": _ask(wire, numbers, "send", room=room, text="x", file=file),
                "the reason of a kick": _ask(wire, numbers, "kick", room=room, user="ada", reason=CARD),
                "the name of a room": _ask(
                    wire, numbers, "create_room", name=CARD.replace(" ", ""), kind="public"
                ),
                "the topic of a new room": _ask(
                    wire, numbers, "create_room", name="attic", kind="public", topic=CARD
                ),
            }
        refused = {what: _is_refused(answer) for what, answer in answers.items()}
        for what, found in refused.items():
            seen.observed(f"{'blocked' if found else 'MISSED'}: {what}")
    finally:
        server.stop()
    return all(refused.values())


@attack(
    "Tunnel bytes through messages, over three connections of one account",
    expects="A megabyte at once gets through, and 8.7 kB a second after it, over however many connections.",
    stage=Stage.OWN_SERVER,
)
def tunnel(server: LabServer, seen: Evidence) -> bool:
    text = base64.b85encode(bytes(6_400)).decode()
    numbers, stored, start = itertools.count(1), 0, time.monotonic()
    for _ in range(3):
        with server.chatting(server.session()) as (wire, room):
            for _ in range(4):
                batch = [next(numbers) for _ in range(20)]
                wire.send(b"".join(request("send", number, room=room, text=text) for number in batch))
                answers = wire.told_all([f"probe-{number:010}" for number in batch])
                stored += sum(answer["type"] == "ok" for answer in answers) * len(text)
    seconds = time.monotonic() - start
    seen.sent(f"240 messages of {len(text):,} characters, over three connections")
    seen.observed(f"{stored:,} bytes were stored in {seconds:.1f} s")
    return stored <= 1_048_576 + 524_288 / 60 * seconds


@attack(
    "Write a text that makes an inspector crash",
    expects="It is refused: what no one could look at does not pass.",
    stage=Stage.UNIT,
)
def crashing_text(_folder: Path, seen: Evidence) -> bool:
    return asyncio.run(_crashing_text(seen))


async def _crashing_text(seen: Evidence) -> bool:
    clock = SystemClock()
    careless = Plugin("careless", f"{__name__}:{crash.__name__}", Action.BLOCK)
    inspectors = InspectorProcess([], [careless], Options(), clock, seconds=20.0)
    inspection = Inspection(
        inspectors, fails_open=False, audit=Audit(), metrics=InspectionMetrics(Metrics(), ()), clock=clock
    )
    frame = Send(id=new_request_id(), room=RoomId("r" * 22), text=MessageText(CARD))
    seen.sent(f"{CARD}, to a server whose inspector raises an error at it")
    try:
        looked = inspection.frame(frame, Sender("mallory"))
        if not isinstance(looked, Passed):
            await looked
    except RefusedError as error:
        seen.received(error.hint)
        return True
    finally:
        await inspectors.close()
    seen.received("it passed")
    return False


def crash(_part: Part, _context: Context) -> Verdict:
    """Be an inspector with a mistake, which the process of the inspectors imports."""
    raise RecursionError


@attack(
    "Write a card number in an encrypted room, where the operator does not want any",
    expects="The device refuses it before it is encrypted.",
    stage=Stage.UNIT,
)
def card_in_encrypted_room(_folder: Path, seen: Evidence) -> bool:
    policy = InspectionPolicy((("cards", Action.BLOCK),))
    frame = Send(id=new_request_id(), room=RoomId("r" * 22), text=MessageText(CARD))
    seen.sent(CARD)
    try:
        inspected(policy, frame)
    except InspectionError as error:
        seen.received(str(error))
        return True
    seen.received("it is encrypted, and sent")
    return False


@attack(
    "A server publishes a policy for inspectors that watch when, and how much, someone writes",
    expects="The client takes no such policy: its inspectors see the text, and nothing else.",
    stage=Stage.UNIT,
)
def spying_policy(_folder: Path, seen: Evidence) -> bool:
    data = InspectionPolicy((("tunnel", Action.BLOCK),)).to_bytes()
    seen.sent(f"{data!r}")
    try:
        policy = InspectionPolicy.read(data)
    except PolicyError as error:
        seen.received(str(error))
        return True
    seen.received(f"a policy with {policy.rules}")
    return False
