"""One setting: its name, its kind, its default, and what may be its value; and the settings of extras."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import _

Value = bool | str | Mapping[str, str]
ON, OFF, DEFAULT = "on", "off", "default"
"""Words for a value; `default` stands for the one that a setting has without a file."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting."""

    key: str
    kind: Literal["switch", "choice", "text", "keys"]
    default: Value
    sentence: str
    """Its purpose, in English; ``help`` translates it."""
    choices: tuple[str, ...] = ()
    group: str = ""
    """An extra's: what it is about, one of the groups of settings."""

    @property
    def help(self) -> str:
        """Its purpose."""
        return _(self.sentence)

    def refusal(self, value: object) -> str:
        """Say why the value is refused; empty if it is valid."""
        if self.kind == "switch":
            return "" if isinstance(value, bool) else _("is true or false")
        if self.kind == "choice":
            return (
                ""
                if value in self.choices
                else _("is one of {choices}").format(choices=", ".join(self.choices))
            )
        if self.kind == "keys":
            fits = isinstance(value, Mapping) and all(isinstance(key, str) for key in value.values())
            return "" if fits else _('is a table of ids and keys, such as "chat.search" = "ctrl+f"')
        return "" if isinstance(value, str) else _("is a text in quotation marks")

    def typed(self, words: str) -> Value:
        """Return the value that a person wrote, or meant by ``default``. Raises SetupError."""
        if words == DEFAULT:
            return self.default
        if self.kind == "keys":
            raise SetupError(_("Keys can't be set by a command."), _("Change them in the settings file."))
        if self.kind == "text":
            return words
        word = words.lower()
        if word not in self.words:
            raise SetupError(
                _("{setting} is one of {choices}.").format(
                    setting=self.key, choices=", ".join((*self.words, DEFAULT))
                )
            )
        return word == ON if self.kind == "switch" else word

    @property
    def words(self) -> tuple[str, ...]:
        """The words that a person may write for its value; none if it is any text."""
        return (ON, OFF) if self.kind == "switch" else self.choices


EXTRA_SETTINGS: Final[dict[str, Setting]] = {}
"""The settings of extras, by their names."""


def shown_value(value: Value) -> str:
    """Return a value as a person writes it; a text may be empty, and may come from the person's file."""
    match value:
        case bool():
            return ON if value else OFF
        case str():
            return value
        case keys:
            return ", ".join(f"{binding} = {key}" for binding, key in keys.items())
