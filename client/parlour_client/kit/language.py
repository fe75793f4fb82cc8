"""The language of the screens: English sentences in the code, other languages in gettext catalogues.

A sentence that a person reads is written as ``_("{count} rooms").format(count=count)``: a plain literal, so
that it can be found, with named fields, so that a translation can move them. A sentence that depends on a
number is ``ngettext(one, many, number)``. A sentence that is made when a module is imported (a table of
commands, the help of a setting) is marked with ``N_`` there, and given to ``_`` where it is shown.
"""

import gettext
from pathlib import Path
from typing import Final

DOMAIN: Final = "parlour"
LOCALES: Final = Path(__file__).parent.parent / "locales"


class Language:
    """The catalogue in use; one for a process, because a person reads one language."""

    def __init__(self) -> None:
        self._catalogue: gettext.NullTranslations = gettext.NullTranslations()

    def use(self, languages: list[str]) -> None:
        """Take the first of ``languages`` (``de``, ``pt_BR``) that has a catalogue; English if none has."""
        self._catalogue = gettext.translation(DOMAIN, LOCALES, languages, fallback=True)

    def translate(self, sentence: str) -> str:
        """Return the translation of ``sentence``, or itself."""
        return self._catalogue.gettext(sentence) if sentence else ""

    def translate_count(self, one: str, many: str, number: int) -> str:
        """Return the translation of the form that ``number`` takes; its fields are still to be filled."""
        return self._catalogue.ngettext(one, many, number)


def N_(sentence: str) -> str:  # noqa: N802 - the name that gettext's tools know
    """Mark ``sentence`` for the catalogue; ``_`` translates it where it is shown."""
    return sentence


language: Final = Language()
_ = language.translate
ngettext = language.translate_count
