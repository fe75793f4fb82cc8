"""Commands of the front end itself: help, settings, colours, quitting.

And the commands of the shell that have code of their own in ``cli``: they read passwords, run for long, or
work without an account.
"""

from typing import Any, Final

from parlour_client.commands.command import (
    Argument,
    Command,
    Elsewhere,
    Kind,
    Takes,
    View,
    shown_by,
)

_SCREEN: Final = Elsewhere("It is about the chat screen.")
_HERE_ONLY: Final = Elsewhere("It is about an open chat.")


def _optional(name: str, label: str) -> tuple[Argument, ...]:
    return (Argument(name, Takes(Kind.WORD, label), required=False, option=False, default=""),)


help_ = shown_by(
    View.HELP,
    "Show keys and commands, or one command",
    "help",
    cli=Elsewhere("parlour --help"),
    arguments=_optional("name", "COMMAND"),
)
yes = shown_by(
    View.SEND_HELD,
    "Send what was held back because it looks like a secret",
    ui=Elsewhere("A dialog asks."),
    line="yes",
    cli=Elsewhere("What a script sends is not held back."),
)
no = shown_by(
    View.DROP_HELD,
    "Drop what was held back",
    ui=Elsewhere("A dialog asks."),
    line="no",
    cli=Elsewhere("What a script sends is not held back."),
)
cancel_file = shown_by(
    View.CANCEL_TRANSFER,
    "Cancel the file that is being sent or saved",
    ui=Elsewhere("Alt+X"),
    line="cancel file",
    cli=Elsewhere("Ctrl+C"),
)
sort = shown_by(
    View.SORT,
    "Choose the order of the list of rooms",
    "sort",
    line=_SCREEN,
    cli=_SCREEN,
    arguments=(
        Argument(
            "order",
            Takes(Kind.CHOICE, "ORDER", choices=("name", "recent", "unread")),
            required=True,
            option=False,
        ),
    ),
)
editor = shown_by(View.EDITOR, "Continue writing in your own editor", "editor", line=_SCREEN, cli=_SCREEN)
settings = shown_by(
    View.SETTINGS,
    "Show the settings and change them",
    "settings",
    line=Elsewhere("Edit the file of settings."),
    cli=Elsewhere("Edit the file of settings."),
)
theme = shown_by(View.THEME, "Choose the colours", "theme", line=_SCREEN, cli=_SCREEN)
jump = shown_by(
    View.JUMP, "Show a letter on everything you can reach, and go there", "jump", line=_SCREEN, cli=_SCREEN
)
account = shown_by(
    View.ACCOUNT,
    "Switch to another account of yours",
    "account",
    line=Elsewhere("parlour --account NAME --plain"),
    cli=Elsewhere("parlour --account NAME"),
    arguments=_optional("name", "NAME"),
)
lock = shown_by(View.LOCK, "Close keys and messages until your passphrase is typed", "lock", cli=_HERE_ONLY)
quit_ = shown_by(View.QUIT, "Quit Parlour; what is queued is sent the next time", "quit", cli=_HERE_ONLY)

_SHELL: Final = Elsewhere("It is a command of the shell.")


def _shell(name: str, sentence: str, instead: Elsewhere = _SHELL) -> Command[..., Any]:
    return shown_by(View.SHELL, sentence, ui=instead, line=instead, cli=name)


chat = _shell("chat", "Open the chat; the same as `parlour` without a command")
demo = _shell("demo", "Try everything on a throw-away server with simulated people")
accounts = _shell("accounts", "List your accounts, for --account NAME")
join_server = _shell("join", "Create an account with an invite link, and log in")
login_server = _shell("login", "Log in at a server where you have an account")
logout = _shell("logout", "End this device's session")
passwd = _shell("passwd", "Change your password; ends every other session")
passphrase = _shell("passphrase", "Protect the archive's key with a passphrase or the keyring")
invite_link = _shell("invite-link", "Put your account key into an invite link")
send = _shell(
    "send",
    "Send a message, or one for each line of the standard input",
    Elsewhere("Type it and press Enter."),
)
tail = _shell("tail", "Print a room's messages as they come", Elsewhere("The chat shows them."))
export = _shell("export", "Print a room's whole history", Elsewhere("parlour export ROOM"))
