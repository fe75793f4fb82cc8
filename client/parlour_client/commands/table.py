"""The table of all commands, in the order in which help and completion show them. Nothing else lists them."""

from collections.abc import Mapping
from typing import Any, Final

from parlour_client.commands import (
    account,
    backup,
    devices,
    encryption,
    files,
    history,
    invitations,
    links,
    messages,
    moderation,
    people,
    rooms,
    settings,
    verification,
    view,
    witnesses,
)
from parlour_client.commands.command import Command, Kind
from parlour_client.commands.extra_commands import EXTRA_COMMANDS
from parlour_client.commands.front import Front
from parlour_client.kit.language import N_, _

_TOPICS: Final[Mapping[str, tuple[Command[..., Any], ...]]] = {
    N_("joining"): (
        rooms.rooms,
        rooms.public,
        rooms.join,
        rooms.leave,
        rooms.create,
        rooms.go,
        rooms.where,
        rooms.dm,
        invitations.invite,
        invitations.uninvite,
        invitations.invitations,
        invitations.accept,
        invitations.decline,
        history.next_unread,
        rooms.peek,
        rooms.favourite,
        rooms.number,
        rooms.silence,
        view.sort,
    ),
    N_("moderating"): (
        rooms.topic,
        rooms.rename,
        rooms.archive,
        rooms.delete_room,
        rooms.retention,
        rooms.members,
        moderation.kick,
        moderation.ban,
        moderation.bans,
        moderation.unban,
        moderation.mute,
        moderation.unmute,
        moderation.role,
    ),
    N_("writing"): (
        view.send,
        messages.reply,
        messages.me,
        messages.edit,
        messages.delete,
        messages.react,
        messages.unreact,
        files.file,
        files.save,
        view.cancel_file,
        links.links,
        messages.star,
        messages.pin,
        messages.pins,
        messages.report,
        messages.unsent,
        messages.retry,
        messages.cancel,
        view.yes,
        view.no,
        account.typing,
        view.editor,
    ),
    N_("reading"): (
        history.search,
        history.mentions,
        history.goto,
        history.unread,
        history.starred,
        history.last,
        history.older,
        history.show,
        history.thread,
        history.close,
        history.history,
        view.tail,
        view.export,
        history.read,
        history.mark,
        history.forget,
        history.receipts,
    ),
    N_("people"): (
        invitations.block,
        invitations.unblock,
        invitations.blocked,
        people.whois,
        people.ignore,
        people.unignore,
        people.ignored,
        people.away,
        people.back,
    ),
    N_("keys"): (
        encryption.encryption,
        encryption.encrypt,
        verification.verify,
        encryption.strict,
        verification.words,
        verification.mycode,
        devices.devices,
        devices.add_device,
        devices.send_history,
        devices.revoke,
        devices.revoke_this,
        devices.approve,
        devices.recovery,
        devices.recover,
        devices.reset_identity,
        backup.status,
        backup.export,
        backup.restore,
        backup.verify,
        encryption.alarms,
        encryption.dismiss_alarm,
        encryption.recreate,
        witnesses.witnesses,
        witnesses.add,
        witnesses.remove,
    ),
    N_("you"): (
        account.sessions,
        account.end_session,
        view.join_server,
        view.login_server,
        account.login,
        view.logout,
        account.reconnect,
        view.accounts,
        view.account,
        view.passwd,
        view.passphrase,
        view.invite_link,
        view.keys_audit,
    ),
    N_("program"): (
        view.help_,
        view.settings,
        view.settings_file,
        settings.set_,
        view.chat,
        view.demo,
        view.drill,
        view.lab,
        view.new,
        view.quit_,
    ),
}


def topics() -> Mapping[str, tuple[Command[..., Any], ...]]:
    """Return the commands by what a person wants to do: the topics of help.

    No topic has the name of a command.
    """
    return {
        topic: (*commands, *(command for of, command in EXTRA_COMMANDS if of == topic))
        for topic, commands in _TOPICS.items()
    }


def all_commands() -> tuple[Command[..., Any], ...]:
    """Return all of them, in the order of the topics."""
    return tuple(command for commands in topics().values() for command in commands)


def _opens(command: Command[..., Any]) -> bool:
    """Say whether a command's result may be a room that was opened."""
    return command.handler is not None and "RoomOpened" in str(command.handler.__annotations__["return"])


OPENS: Final = frozenset(filter(_opens, all_commands()))
"""Commands that open a room when the server or the disk has answered: what follows is meant for that room."""


def names(front: Front) -> dict[str, Command[..., Any]]:
    """Return the commands of a front end by name, in the order of the table."""
    return {name: command for command in all_commands() if (name := command.name(front)) is not None}


def spellings(front: Front) -> dict[str, Command[..., Any]]:
    """Return the commands of a chat by every word that runs them: their names, and other words."""
    also = {
        word: command
        for command in all_commands()
        if command.name(front) is not None
        for word in command.aliases
    }
    return also | names(front)


def see_also(command: Command[..., Any], front: Front) -> str:
    """Return what help says behind a command: its other words, what undoes it, and what it undoes."""
    own = {command.name(Front.UI), command.name(Front.LINE)}
    undone_by = [
        other.written(front) for other in all_commands() if other.undoes in own and other.name(front)
    ]
    undone_by += [
        f"{command.written(front)} … off"
        for argument in command.takes(front)
        if argument.takes.kind is Kind.SWITCH and front is not Front.CLI
    ]
    undone = names(Front.LINE).get(command.undoes) if command.undoes else None
    words = [
        _("also {words}").format(words=command.known_as())
        if command.aliases and front is not Front.CLI
        else "",
        _("undone by {words}").format(words=", ".join(undone_by)) if undone_by else "",
        _("undoes {words}").format(words=undone.written(front)) if undone and undone.name(front) else "",
    ]
    return "; ".join(filter(None, words))
