"""Chooses the language before anything is shown: `--help` and the errors of a command line are in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from parlour_client.core.account.chat_home import DEFAULT_ACCOUNT, account_folder
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import language, preferred_languages

SYSTEM = "system"
"""The value of the setting `language` that leaves the choice to the environment."""


def choose_language(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    """Use the language of the settings of the home that the arguments name, else that of the environment."""
    chosen = _setting(arguments)
    language.use([chosen] if chosen != SYSTEM else preferred_languages(environment))


def _setting(arguments: Sequence[str]) -> str:
    folder = _folder(arguments)
    if folder is None or not (folder / "settings.toml").is_file():
        return SYSTEM
    from parlour_client.core.settings import load  # noqa: PLC0415 - `--help` needs it only to read a file

    return load(folder).language


def _folder(arguments: Sequence[str]) -> Path | None:
    """Return the home that `--home` or `--account` names before the command; None for a wrong one."""
    named = {"--home": "", "--account": DEFAULT_ACCOUNT}
    words = iter(arguments)
    for word in words:
        option, equals, value = word.partition("=")
        if option in named:
            named[option] = value if equals else next(words, "")
        elif not word.startswith("-"):
            break
    try:
        return Path(named["--home"]) if named["--home"] else account_folder(named["--account"])
    except SetupError:
        return None
