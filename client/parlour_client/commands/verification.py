"""Commands for verifying people. Every verification is typed in full, so that no habit does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Annotated, Any, Final

from parlour_client.commands.command import (
    CHAT,
    SHELL,
    Call,
    Connect,
    Elsewhere,
    Kind,
    Takes,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    CodeShown,
    ComparisonConfirmed,
    ComparisonShown,
    KeyDecided,
    KeyShown,
)
from parlour_client.commands.values import read_person
from parlour_client.kit.errors import SetupError, WrongUseError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import RoomKind

if TYPE_CHECKING:
    from parlour_client.core.e2ee.values import PersonReport

GO_ON: Final = "go on"
"""The words to accept a changed key."""
SHORT_WORDS: Final = "words"
"""The words to begin with short words."""

NO: Final = "no"
"""The words if the short words differ."""

_BOTH_WAIT = Elsewhere(N_("Both people have to be in a chat."))


def _is_code(who: str) -> bool:
    return ":" in who  # no name has one


def _check_verify(_front: Front, values: Mapping[str, Any]) -> None:
    confirm, accept, who = values.get("confirm"), values.get("accept"), values["who"]
    if confirm is not None and accept:
        raise WrongUseError(_("--confirm and --accept can't be used together."))
    if (confirm is not None or accept) and (not who or _is_code(who)):
        raise WrongUseError(_("Name a USER."))


@command(
    "verify",
    cli="verify",
    connect=Connect.CAUGHT_UP,
    json=True,
    examples=(
        "verify ben",
        'verify ben --confirm "48213 90417 55301 27740"',
        "verify            (your own code, for others to scan or copy)",
    ),
    check=_check_verify,
)
async def verify(
    call: Call,
    who: Annotated[str, Takes(Kind.PERSON_OR_CODE, "PERSON")] = "",
    decision: Annotated[str, Takes(Kind.TEXT, "DIGITS|CODE|words", fronts=CHAT)] = "",
    *,
    confirm: Annotated[
        str | None,
        Takes(
            Kind.TEXT,
            "DIGITS",
            N_("Mark USER as verified: at least the last 20 digits (four groups), if you both see the same."),
            fronts=SHELL,
        ),
    ] = None,
    accept: Annotated[
        bool,
        Takes(Kind.FLAG, help=N_("Accept USER's changed key without verifying it."), fronts=SHELL),
    ] = False,
) -> KeyShown | KeyDecided | ComparisonShown | CodeShown:
    """Verify someone by comparing digits, a code or short words with them.

    Compare the digits outside this chat: by voice, or face to face. Without USER, show your own code.
    """
    people = call.client.encryption
    if _is_code(who):
        from parlour_client.core.e2ee.trust.compare import person_of  # noqa: PLC0415 - MLS

        return KeyDecided(await people.check_code(person_of(who), who))
    if not who and call.front is Front.CLI:
        return CodeShown(people.own_code())
    user = read_person(who) if who else _peer(call)
    if confirm is not None:
        return KeyDecided(await people.confirm(user, confirm))
    if accept:
        return KeyDecided(await people.accept_key(user))
    report = await people.person(user)
    if not decision:
        return KeyShown(report)
    decided = decide(decision, report)
    if decided is None:
        raise SetupError(
            _("That is not an answer to this question."),
            _("/verify {user} shows what you can type.").format(user=user),
        )
    return await decide_about(call, user, decided)


class DecisionKind(Enum):
    """A person's decision about someone's key."""

    DIGITS = auto()
    CODE = auto()
    ACCEPT = auto()
    WORDS = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """The kind, and the text typed for it."""

    kind: DecisionKind
    typed: str = ""


def decide(typed: str, report: "PersonReport") -> Decision | None:
    """Return the typed decision; None for any other text."""
    text = typed.strip()
    if report.key_changed and text.lower() == GO_ON:
        return Decision(DecisionKind.ACCEPT)
    if text.lower() == SHORT_WORDS:
        return Decision(DecisionKind.WORDS)
    digits = "".join(text.split())
    if digits.isascii() and digits.isdigit():
        return Decision(DecisionKind.DIGITS, digits)
    return Decision(DecisionKind.CODE, text) if ":" in text else None


async def decide_about(call: Call, user: UserName, decision: Decision) -> KeyDecided | ComparisonShown:
    """Apply a person's decision about someone's key."""
    people = call.client.encryption
    match decision.kind:
        case DecisionKind.DIGITS:
            return KeyDecided(await people.confirm(user, decision.typed))
        case DecisionKind.CODE:
            return KeyDecided(await people.check_code(user, decision.typed))
        case DecisionKind.ACCEPT:
            return KeyDecided(await people.accept_key(user))
        case DecisionKind.WORDS:
            return ComparisonShown(await people.start_sas(user))


def _peer(call: Call) -> UserName:
    """Return the person of an open direct room, who need not be named."""
    room = call.client.rooms.get(call.room.id) if call.room is not None else None
    if room is None or room.kind is not RoomKind.DIRECT or room.peer is None:
        raise SetupError(_("Write /verify PERSON."))
    return room.peer


@command("words", cli=_BOTH_WAIT)
async def words(
    call: Call, typed: Annotated[str, Takes(Kind.TEXT, "FIVE WORDS|no")] = ""
) -> ComparisonShown | ComparisonConfirmed | None:
    """Continue comparing short words; type all five to confirm that they match."""
    people = call.client.encryption
    process = next(
        (verification for verification in reversed(people.sas_verifications()) if not verification.ended),
        None,
    )
    if process is None:
        raise SetupError(_("No one is comparing words with you."), _("Start with /verify PERSON words."))
    if typed.lower() == NO:
        await people.cancel_sas(process.process)
        return None
    if typed:
        return ComparisonConfirmed(await people.confirm_sas(process.process, typed))
    if not process.started_by_us and not process.words:
        process = await people.answer_sas(process.process)
    return ComparisonShown(process)


@command("mycode", cli=Elsewhere("parlour verify"))
async def mycode(call: Call) -> CodeShown:
    """Show your own code, for others to scan or copy."""
    return CodeShown(call.client.encryption.own_code())
