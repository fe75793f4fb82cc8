"""Sentences come in the person's language, and in English where there is no other."""

import pytest

from parlour_client.kit.language import ENGLISH, N_, Language, preferred_languages


def test_without_a_catalogue_every_sentence_is_english() -> None:
    """A language that nobody has translated shows the sentences of the code."""
    language = Language()
    language.use(["xx"])

    assert language.translate(N_("Send")) == "Send"
    assert language.translate_count("{count} room", "{count} rooms", 2).format(count=2) == "2 rooms"


def test_an_empty_sentence_is_not_the_head_of_the_catalogue() -> None:
    """Gettext keeps the head of a catalogue under the empty sentence."""
    language = Language()
    language.use(["de"])
    assert language.translate("") == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ENGLISH),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_AT@euro"}, "de"),
        ({"LANG": "he_IL"}, "he"),
        ({"LANG": "C.UTF-8"}, ENGLISH),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "he_IL.UTF-8"}, "he"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "he_IL.UTF-8", "LC_ALL": "en_GB.UTF-8"}, ENGLISH),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "de"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "he:de"}, "he"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "xx:en:de"}, ENGLISH),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "xx:"}, "de"),
        ({"LANGUAGE": "de"}, "de"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, "de"),
        ({"LC_ALL": "C", "LANGUAGE": "de"}, ENGLISH),
        ({"LANG": "POSIX", "LANGUAGE": "de"}, ENGLISH),
        ({"LANG": "../../de"}, ENGLISH),
        ({"LANGUAGE": "../locales/de"}, ENGLISH),
        ({"LANG": "klingon"}, ENGLISH),
    ],
)
def test_the_environment_decides_as_for_every_program(environment: dict[str, str], expected: str) -> None:
    """The rules are gettext's: LANGUAGE before LC_ALL, LC_MESSAGES and LANG; C is no language."""
    language = Language()
    language.use(preferred_languages(environment))
    assert language.code == expected


def test_the_last_choice_holds() -> None:
    """Back to English after another language."""
    language = Language()
    language.use(["de"])
    assert language.translate("member") == "Mitglied"
    language.use(["en"])
    assert language.translate("member") == "member"
