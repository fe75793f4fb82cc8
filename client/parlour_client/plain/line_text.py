"""The text of the line mode, which may be read aloud: each change as one plain line, in words.

A line begins with the room if it is not the open one, and with who did it. Strangers' text is sanitised and
stands behind a colon; a further line or row of it begins with a word of ours (``more``), which can be heard
and seen, so that none passes for a line of its own. Our own further lines begin with another word. Nothing is
a rule, a box or a sign. Pure functions; ``line_mode`` prints what they return.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from parlour_client.core.model import Delivery, Entry, Invitation, Outgoing, Room, display_name
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import _, ngettext
from parlour_client.text.event_text import event_sentence
from parlour_client.text.file_text import facts_of
from parlour_client.text.formatting import preview
from parlour_client.text.note_text import is_shown_beside, note_words
from parlour_client.text.untrusted_text import INDENT as BAR
from parlour_client.text.untrusted_text import shown
from parlour_client.text.words import invited_to
from parlour_protocol.frames import AnyBody
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text import BLANK_LABEL, safe_text
from parlour_protocol.kit.text import cell_width as width
from parlour_protocol.rooms import RoomKind

INDENT: Final = "    "
"""Before a further line of our own words: what is answered, a file, reactions, what becomes of it."""
_BEGINNING: Final = 60


def entry_line(
    title: str,
    entry: Entry,
    answered: Entry | None = None,
    *,
    covered: bool = True,
    me: UserName | None = None,
) -> str:
    """Return one row of a timeline.

    ``answered`` is its parent, if known; ``covered``: without spoilers; ``me``: the reader, called "you".
    """
    where = f"{title}, " if title else ""
    number = f" {entry.seq}" if entry.seq is not None else ""
    author = display_name(entry.author)
    if entry.note is not None:
        note = f"{where}{_('note: {note_words}').format(note_words=shown(note_words(entry)))}"
        if not is_shown_beside(entry):
            return note
        beside = entry_line(title, replace(entry, note=None), answered, covered=covered, me=me)
        return f"{note}\n{beside}"
    if entry.deleted:
        return f"{where}{_('{author}{number}, deleted').format(author=author, number=number)}"
    if entry.trouble:
        words = _("{author}{number}, can't be read: {trouble}")
        return f"{where}{words.format(author=author, number=number, trouble=shown(_(entry.trouble)))}"
    if entry.text is None:
        return f"{where}{event_line(entry.author, entry.body, entry.at, me)}"
    text: str = entry.text
    if covered:
        text = preview(text, _("[spoiler, /show {number} shows it]").format(number=entry.seq or "NUMBER"))
    edited = _(" edited") if entry.edited else ""
    starred = _(" starred") * entry.starred + _(" pinned") * entry.pinned
    return (
        f"{where}{author}{number}{_reply(entry, answered)}{edited}{starred}: "
        f"{shown(text)}{_answered(answered)}{_file(entry)}{_reactions(entry)}{_on_its_way(entry)}"
    )


def _reply(entry: Entry, answered: Entry | None) -> str:
    if entry.reply_to is None:
        return ""
    if answered is None:
        return _(", reply to {reply_to}").format(reply_to=entry.reply_to)
    return _(", reply to {author} {reply_to}").format(
        author=display_name(answered.author), reply_to=entry.reply_to
    )


def _answered(answered: Entry | None) -> str:
    if answered is None or answered.text is None:
        return ""
    words = _("replies to {author}: {beginning}").format(
        author=display_name(answered.author), beginning=beginning(preview(answered.text))
    )
    return f"\n{INDENT}{words}"


def beginning(untrusted: str) -> str:
    """Return the first words of a text, on one line."""
    line = shown(untrusted).split("\n", 1)[0]
    return line if len(line) <= _BEGINNING else f"{width.beginning(line, _BEGINNING - 1)}…"


def _file(entry: Entry) -> str:
    file = entry.file
    if file is None:
        return ""
    words = _("file {facts}, /save {number} saves it: {name}").format(
        facts=facts_of(file), number=entry.seq or _("NUMBER"), name=_one_line(file.name)
    )
    return f"\n{INDENT}{words}"


def _one_line(untrusted: str) -> str:
    safe = safe_text(untrusted)
    return BLANK_LABEL if safe.blank else " / ".join(safe.lines)


def _reactions(entry: Entry) -> str:
    if not entry.reactions:
        return ""
    return f"\n{INDENT}{_('reactions: {each}').format(each=_each(entry))}"


def _each(entry: Entry) -> str:
    return "; ".join(
        _("{reaction} from {names}").format(
            reaction=_one_line(reaction.reaction), names=_names(reaction.users)
        )
        for reaction in entry.reactions
    )


def _names(users: Sequence[UserName]) -> str:
    return ", ".join(map(display_name, users))


def _on_its_way(entry: Entry) -> str:
    match entry.delivery:
        case Delivery.QUEUED:
            why = shown(entry.problem) if entry.problem else _("waiting for the server")
            return f"\n{INDENT}{_('not sent yet: {why}').format(why=why)}"
        case Delivery.FAILED:
            words = _("not sent: {problem} /outbox shows what you can do").format(
                problem=shown(entry.problem)
            )
            return f"\n{INDENT}{words}"
        case _:
            return ""


def change_line(
    title: str, before: Entry | None, entry: Entry, answered: Entry | None = None, *, covered: bool = True
) -> str:
    """Return the change of a message; empty if people need not see it."""
    where = f"{title}, " if title else ""
    if entry.deleted:
        return entry_line(title, entry)
    if before is not None and before.reactions != entry.reactions and before.text == entry.text:
        author = display_name(entry.author)
        if not entry.reactions:
            words = _("{author} {seq}, no reactions left").format(seq=entry.seq, author=author)
        else:
            words = _("{author} {seq}, reactions: {each}").format(
                seq=entry.seq, author=author, each=_each(entry)
            )
        return f"{where}{words}"
    if entry.edited and (before is None or before.text != entry.text):
        return entry_line(title, entry, answered, covered=covered)
    return ""


def outgoing_line(title: str, number: int, outgoing: Outgoing) -> str:
    """Return an outgoing message."""
    why = outgoing.entry.problem
    words = {
        Delivery.QUEUED: _("waiting: {why}").format(why=shown(why)) if why else _("waiting for the server"),
        Delivery.SENT: _("sent, not confirmed yet"),
        Delivery.FAILED: _("failed: {problem} /retry {number} or /cancel {number}").format(
            problem=shown(outgoing.entry.problem), number=number
        ),
        Delivery.STORED: _("stored"),
    }[outgoing.entry.delivery]
    line = f"{number}: {title}, {outgoing.what}, {words}"
    return (
        f"{line}\n{INDENT}{_('text: {text}').format(text=beginning(outgoing.entry.text))}"
        if outgoing.entry.text
        else line
    )


def event_line(author: UserName, body: AnyBody, at: Millis, me: UserName | None = None) -> str:
    """Return what happened, with a topic or a reason behind the colon."""
    sentence, words = event_sentence(author, body, at, me)
    return sentence if words is None else f"{sentence}: {shown(words)}"


def status_line(status: ConnectionStatus) -> str:
    """Return the connection's state."""
    if status.state is LinkState.ONLINE:
        return _("Connected to {server}: {security}.").format(server=status.server, security=status.security)
    problem = f" {status.problem}" if status.problem else ""
    if status.session_ended:
        return _("You are logged out.{problem} What you write is kept. Log in again with /login.").format(
            problem=problem
        )
    if status.state is LinkState.OFFLINE:
        return _("Not connected.{problem} Trying again automatically.").format(problem=problem)
    return _("No longer connected.{problem}").format(problem=problem)


def invitation_line(invitation: Invitation) -> str:
    """Return an invitation, and the possible answers."""
    if invitation.kind is RoomKind.DIRECT:
        return _(
            "{inviter} wants to message you directly. /accept {title} accepts, and so does a reply "
            "there; /decline {title} hides it, /block {inviter} hides it for good. They aren't "
            "notified."
        ).format(inviter=invitation.inviter, title=invitation.title)
    return _(
        "{inviter} invites you to {title}, {kind}. /accept {title} joins it, /decline {title} "
        "declines, /block {inviter} hides all their invitations. They aren't notified."
    ).format(
        inviter=invitation.inviter,
        title=invitation.title,
        kind=invited_to(invitation.kind, encrypted=invitation.encrypted),
    )


def counts_line(rooms: Sequence[Room]) -> str:
    """Return what is unread, in one line: 2 unread here, 1 unread there."""
    counts = []
    for room in rooms:
        if room.unread:
            words = _("{unread} unread in {title}").format(unread=room.unread, title=room.title)
            if room.mentions:
                words = _("{words}, {mentions} of them mentioning you").format(
                    words=words, mentions=room.mentions
                )
            counts.append(words)
    if counts:
        return f"{'; '.join(counts)}."
    count = len(rooms)
    return ngettext(
        "Nothing is unread. You are in {count} room; /joined lists it.",
        "Nothing is unread. You are in {count} rooms; /joined lists them.",
        count,
    ).format(count=count)


class Ours(str):
    """A line in which nothing is someone else's text: its further rows need no word before them."""

    __slots__ = ()


def spoken(line: str) -> str:
    """Return a line with the word that can be heard before each further line of someone's text."""
    return line.replace(f"\n{BAR}", f"\n{more()}")


def more() -> str:
    """Return what begins a further line or row of someone's text, and no line of ours."""
    return f"{INDENT}{_('more')}: "
