"""Our own sentences, from the catalogues: what has to fit."""

from tools import translations

from parlour_client.kit.language import ENGLISH


def longest(code: str, file: str = "") -> list[str]:
    """Return the longest sentences of a language that stand in one paragraph, and so can be a notice.

    With ``file`` only those of one file.
    """
    found = []
    for message in translations.read("de" if code == ENGLISH else code):
        if file and not any(path.endswith(file) for path, _line in message.locations):
            continue
        texts = message.id if code == ENGLISH else message.string
        found += [texts] if isinstance(texts, str) else list(texts or ())
    return sorted((text for text in found if "\n" not in text), key=len)[-6:]
