"""The language of the screens: English sentences in the code, other languages in gettext catalogues.

A sentence that a person reads is written as ``_("{count} rooms").format(count=count)``: a plain literal, so
that it can be found, with named fields, so that a translation can move them. A sentence that depends on a
number is ``ngettext(one, many, number)``. A sentence that is made when a module is imported (a table of
commands, the help of a setting) is marked with ``N_`` there, and given to ``_`` where it is shown.
"""

import gettext
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

DOMAIN: Final = "parlour"
LOCALES: Final = Path(__file__).parent.parent / "locales"
ENGLISH: Final = "en"
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(?:_[A-Za-z]+)?(?:\.[\w-]+)?(?:@[\w-]+)?")
"""The name of a locale: `de`, `pt_BR.UTF-8`. Nothing else becomes a part of a path."""


def preferred_languages(environment: Mapping[str, str]) -> Sequence[str]:
    """Return the person's languages, the first choice first, by the rules of gettext.

    The locale is ``LC_ALL``, ``LC_MESSAGES`` or ``LANG``, the first that is set. ``LANGUAGE`` lists others
    that come before it, unless the locale is `C`: that asks for programs without any translation.
    """
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((found for name in names if (found := environment.get(name))), "")
    if locale in {"C", "POSIX"}:
        return [ENGLISH]
    return [language for language in (*environment.get("LANGUAGE", "").split(":"), locale) if language]


class Language:
    """The catalogue in use; one for a process, because a person reads one language."""

    def __init__(self) -> None:
        self._catalogue: gettext.NullTranslations = gettext.NullTranslations()
        self.code = ENGLISH
        """The folder of the catalogue, such as `de`; `en` without one."""

    def use(self, languages: Iterable[str]) -> None:
        """Take the first of ``languages`` (`de`, `pt_BR.UTF-8`) that there is; English if there is none."""
        self._catalogue, self.code = gettext.NullTranslations(), ENGLISH
        for wanted in filter(_LOCALE.fullmatch, languages):
            if re.match(r"(en|C|POSIX)(?![A-Za-z])", wanted):
                return
            if found := gettext.find(DOMAIN, LOCALES, [wanted]):
                self._catalogue = gettext.translation(DOMAIN, LOCALES, [wanted])
                self.code = Path(found).parts[-3]
                return

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
