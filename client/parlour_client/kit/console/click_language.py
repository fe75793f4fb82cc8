"""Click in the person's language: a command's help, and click's own sentences.

A command is made when its module is imported, in English; ``translated`` makes one for the language in use.
Click looks its own sentences up with Python's ``gettext``, which reads the environment: ``click_speaks``
points it to our catalogue and to the language in use.
"""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Final, TypeVar

import click

from parlour_client.kit.language import DOMAIN, ENGLISH, LOCALES, N_, _, language, ngettext

C = TypeVar("C", bound=click.Command)
_EXAMPLE: Final = N_("Example:")
"""The head of a command's examples: the lines of an epilog are translated one by one."""
OF_CLICK: Final = (
    N_("Usage:"),
    N_("Options"),
    N_("Commands"),
    N_("Show this message and exit."),
    N_("Show the version and exit."),
    N_("default: {default}"),
    N_("Error: {message}"),
    N_("Try '{command} {option}' for help."),
    N_("Invalid value: {message}"),
    N_("Invalid value for {param_hint}: {message}"),
    N_("Missing argument"),
    N_("Missing option"),
    N_("Missing command."),
    N_("No such option {name!r}."),
    N_("No such command {name!r}."),
    ngettext("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)", 1),
    N_("Option {name!r} does not take a value."),
    N_("Argument {name!r} takes {nargs} values."),
    N_("{value!r} is not a valid {number_type}."),
    N_("{value} is not in the range {range}."),
    N_("Repeat for confirmation"),
    N_("Error: The two entered values do not match."),
    N_("Error: invalid input"),
    N_("Do you want to continue?"),
    N_("Aborted!"),
)
"""Click's sentences that people see here; the others stay English."""


def translated(command: C) -> C:
    """Return the command with its help in the language in use; the one that was imported stays as it is."""
    made = copy(command)
    made.help, made.short_help = (_(text) if text else text for text in (command.help, command.short_help))
    made.epilog = "\n".join(map(_, command.epilog.split("\n"))) if command.epilog else command.epilog
    made.params = list(map(_translated_parameter, command.params))
    return made


def _translated_parameter(parameter: click.Parameter) -> click.Parameter:
    made = copy(parameter)
    if isinstance(made, click.Option):
        made.help = _(made.help) if made.help else made.help
        made.prompt = _(made.prompt) if made.prompt else made.prompt
    return made


@contextmanager
def click_speaks() -> Iterator[None]:
    """Let click speak the language in use, as long as this lasts.

    The environment, which programs that are started then inherit, is changed only where it names another one.
    """
    domain, before = gettext.textdomain(), os.environ.get("LANGUAGE")
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)
    found = gettext.find(DOMAIN, LOCALES)
    other = (Path(found).parts[-3] if found else ENGLISH) != language.code
    if other:
        os.environ["LANGUAGE"] = language.code
    try:
        yield
    finally:
        gettext.textdomain(domain)
        if other:
            os.environ.pop("LANGUAGE")
            os.environ.update({"LANGUAGE": before} if before is not None else {})
