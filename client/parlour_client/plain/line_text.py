"""The text of the line mode: each change as one plain line, with the room first.

Strangers' text is sanitised, and every further line of a message is indented, so that none can look like a
line of its own. What only the client says stands before the colon, or on a line with a mark that no further
line of a text has. Pure functions; ``line_mode`` prints what they return.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from parlour_client.core.model import Delivery, Entry, Invitation, Outgoing, display_name
from parlour_client.kit.connection_status import ConnectionStatus, LinkState
from parlour_client.kit.language import _
from parlour_client.text.event_text import event_sentence
from parlour_client.text.file_text import facts_of
from parlour_client.text.formatting import preview
from parlour_client.text.note_text import is_shown_beside, note_words
from parlour_client.text.untrusted_text import shown
from parlour_client.text.words import invited_to
from parlour_protocol.frames import AnyBody
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.text import BLANK_LABEL, safe_text
from parlour_protocol.kit.text import cell_width as width
from parlour_protocol.rooms import RoomKind

_QUOTE: Final = "    > "
_FILE: Final = "    = "
_REACTIONS: Final = "    + "
_OWN: Final = "    * "
"""Marks of lines that only the client writes: what is answered, a file, reactions, our own words."""
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
    number = f"#{entry.seq} " if entry.seq is not None else ""
    if entry.note is not None and not is_shown_beside(entry):
        return _("{title}, {number}(note) {note_words}").format(
            title=title, number=number, note_words=shown(note_words(entry))
        )
    if entry.note is not None:
        line = entry_line(title, replace(entry, note=None), answered, covered=covered, me=me)
        return _("{title}, (note) {note_words}\n{line}").format(
            title=title, note_words=shown(note_words(entry)), line=line
        )
    if entry.deleted:
        return _deleted(title, number, entry)
    if entry.trouble:
        return _("{title}, {number}{author}, can't be read: {trouble}").format(
            title=title, number=number, author=display_name(entry.author), trouble=shown(_(entry.trouble))
        )
    if entry.text is None:
        return f"{title}, {number}{event_line(entry.author, entry.body, me)}"
    text: str = entry.text
    if covered:
        text = preview(text, _("[spoiler, /show {number} shows it]").format(number=entry.seq or "NUMBER"))
    edited = _(" edited") if entry.edited else ""
    starred = _(" starred") * entry.starred + _(" pinned") * entry.pinned
    return (
        f"{title}, {number}{display_name(entry.author)}{_reply(entry, answered)}{edited}{starred}: "
        f"{shown(text)}{_answered(answered)}{_file(entry)}{_reactions(entry)}{_on_its_way(entry)}"
    )


def _deleted(title: str, number: str, entry: Entry) -> str:
    author = display_name(entry.author)
    return _("{title}, {number}{author}, deleted").format(title=title, number=number, author=author)


def _reply(entry: Entry, answered: Entry | None) -> str:
    if entry.reply_to is None:
        return ""
    if answered is None:
        return _(", reply to #{reply_to}").format(reply_to=entry.reply_to)
    return _(", reply to {author} #{reply_to}").format(
        author=display_name(answered.author), reply_to=entry.reply_to
    )


def _answered(answered: Entry | None) -> str:
    if answered is None or answered.text is None:
        return ""
    return f"\n{_QUOTE}{display_name(answered.author)}: {beginning(preview(answered.text))}"


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
    return f"\n{_FILE}{words}"


def _one_line(untrusted: str) -> str:
    safe = safe_text(untrusted)
    return BLANK_LABEL if safe.blank else " / ".join(safe.lines)


def _reactions(entry: Entry) -> str:
    if not entry.reactions:
        return ""
    return f"\n{_REACTIONS}{_each(entry)}"


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
            return f"\n{_OWN}{_('not sent yet: {why}').format(why=why)}"
        case Delivery.FAILED:
            words = _("not sent: {problem} /outbox shows what you can do").format(
                problem=shown(entry.problem)
            )
            return f"\n{_OWN}{words}"
        case _:
            return ""


def change_line(
    title: str, before: Entry | None, entry: Entry, answered: Entry | None = None, *, covered: bool = True
) -> str:
    """Return the change of a message; empty if people need not see it."""
    if entry.deleted:
        return _deleted(title, f"#{entry.seq} ", entry)
    if before is not None and before.reactions != entry.reactions and before.text == entry.text:
        author = display_name(entry.author)
        if not entry.reactions:
            return _("{title}, #{seq} {author}, no reactions left").format(
                title=title, seq=entry.seq, author=author
            )
        return _("{title}, #{seq} {author}, reactions:{reactions}").format(
            title=title, seq=entry.seq, author=author, reactions=_reactions(entry)
        )
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
    text = f' "{beginning(outgoing.entry.text)}"' if outgoing.entry.text else ""
    return f"{number}: {title}, {outgoing.what}{text}: {words}"


def event_line(author: UserName, body: AnyBody, me: UserName | None = None) -> str:
    """Return what happened, with a topic or a reason behind the colon."""
    sentence, words = event_sentence(author, body, me)
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
