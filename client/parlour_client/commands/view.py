"""Commands of the front end itself: help, settings, colours, quitting.

And the commands of the shell that have code of their own in ``cli``: they read passwords, run for long, or
work without an account.
"""

from typing import Any, Final

from parlour_client.commands.command import (
    SCREEN_ONLY,
    Argument,
    Command,
    Elsewhere,
    Kind,
    Takes,
    View,
    shown_by,
)
from parlour_client.kit.language import N_

_HERE_ONLY: Final = Elsewhere(N_("It belongs to an open chat."))


def _optional(name: str, label: str) -> tuple[Argument, ...]:
    return (Argument(name, Takes(Kind.WORD, label), required=False, option=False, default=""),)


help_ = shown_by(
    View.HELP,
    N_("Show help for keys and commands, or for one command or topic"),
    "help",
    cli=Elsewhere("parlour --help"),
    arguments=(
        Argument("name", Takes(Kind.TEXT, "COMMAND|TOPIC"), required=False, option=False, default=""),
    ),
    aliases=("h", "?"),
)
yes = shown_by(
    View.SEND_HELD,
    N_("Send a message that was held back because it looks like a secret"),
    ui=Elsewhere(N_("A dialog asks you.")),
    line="yes",
    cli=Elsewhere(N_("Messages from scripts are never held back.")),
)
no = shown_by(
    View.DROP_HELD,
    N_("Discard the message that was held back"),
    ui=Elsewhere(N_("A dialog asks you.")),
    line="no",
    cli=Elsewhere(N_("Messages from scripts are never held back.")),
)
cancel_file = shown_by(
    View.CANCEL_TRANSFER,
    N_("Cancel the file that is being sent or saved"),
    ui=Elsewhere("Alt+X"),
    line="cancel file",
    cli=Elsewhere("Ctrl+C"),
)
sort = shown_by(
    View.SORT,
    N_("Choose the order of the room list"),
    "sort",
    line=SCREEN_ONLY,
    cli=SCREEN_ONLY,
    arguments=(
        Argument(
            "order",
            Takes(Kind.CHOICE, "ORDER", choices=("number", "name", "recent", "unread")),
            required=True,
            option=False,
        ),
    ),
)
editor = shown_by(
    View.EDITOR, N_("Continue writing in your own editor"), "editor", line=SCREEN_ONLY, cli=SCREEN_ONLY
)
settings = shown_by(
    View.SETTINGS,
    N_("Show the settings and change them"),
    "settings",
    line=Elsewhere(N_("Edit the settings file.")),
    cli=Elsewhere(N_("Edit the settings file.")),
    aliases=("config", "preferences"),
)
settings_file = shown_by(
    View.SETTINGS_FILE,
    N_("Open the settings file in your own editor"),
    "settings file",
    line=Elsewhere(N_("Edit the settings file.")),
    cli=Elsewhere(N_("Edit the settings file.")),
)
account = shown_by(
    View.ACCOUNT,
    N_("Switch to another account of yours"),
    "account",
    line=Elsewhere("parlour --account NAME --plain"),
    cli=Elsewhere("parlour --account NAME"),
    arguments=_optional("name", "NAME"),
)
quit_ = shown_by(
    View.QUIT,
    N_("Quit Parlour; queued messages are sent next time"),
    "quit",
    cli=_HERE_ONLY,
    aliases=("exit", "bye"),
)

_SHELL: Final = Elsewhere(N_("It is a command of the shell."))


def _shell(name: str, sentence: str, instead: Elsewhere = _SHELL) -> Command[..., Any]:
    return shown_by(View.SHELL, sentence, ui=instead, line=instead, cli=name)


chat = _shell("chat", N_("Open the chat; the same as `parlour` without a command"))
demo = _shell("demo", N_("Try everything on a throwaway server with simulated people"))
drill = _shell("drill", N_("Attack a throwaway server and see that its defences hold"))
lab = _shell("lab", N_("See each attack fail, and succeed on a copy without the defence"))
new = _shell("new", N_("Begin a program of your own on Parlour's kit"))
accounts = _shell("accounts", N_("List your accounts, for --account NAME"))
join_server = _shell("join", N_("Create an account with an invite link, and open the chat"))
login_server = _shell("login", N_("Log in to a server where you have an account"))
logout = _shell("logout", N_("Log out on this device"))
passwd = _shell("passwd", N_("Change your password, and end every other session"))
passphrase = _shell("passphrase", N_("Protect the archive's key with a passphrase or the keyring"))
invite_link = _shell("invite-link", N_("Put your account key into an invite link"))
keys_audit = _shell("keys audit", N_("Read the server's whole key log, and check every entry"))
send = _shell(
    "send",
    N_("Send a message, or one for each line of standard input"),
    Elsewhere(N_("Type it and press Enter.")),
)
tail = _shell("tail", N_("Print a room's messages as they arrive"), Elsewhere(N_("The chat shows them.")))
export = _shell("export", N_("Print a room's whole history"), Elsewhere("parlour export ROOM"))
