"""Sentences come in the person's language, and in English where there is no other."""

from parlour_client.kit.language import N_, Language


def test_without_a_catalogue_every_sentence_is_english() -> None:
    """A language that nobody has translated shows the sentences of the code."""
    language = Language()
    language.use(["xx"])

    assert language.translate(N_("Send")) == "Send"
    assert language.translate_count("{count} room", "{count} rooms", 2).format(count=2) == "2 rooms"


def test_an_empty_sentence_is_not_the_head_of_the_catalogue() -> None:
    """Gettext keeps the head of a catalogue under the empty sentence."""
    assert Language().translate("") == ""
