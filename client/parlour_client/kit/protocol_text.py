"""The protocol package's sentences in the person's language: why a name, a text or a link was refused.

That package knows no catalogue: its errors carry an English sentence, and what to put into it. Those that
people see are marked here; ``protocol_sentence`` translates them.
"""

from typing import Final

from parlour_client.kit.language import N_, _
from parlour_protocol.kit.errors import InvalidLinkError

SENTENCES: Final = (
    N_("The name is too short."),
    N_("The name is too long."),
    N_("The name has a character that is not allowed. Use letters, digits and - _ . (no spaces)."),
    N_("A name must start and end with a letter or a digit."),
    N_("The name mixes alphabets or kinds of digits, so it could be mistaken for another. Use only one."),
    N_("The name is reserved, or looks like one that is."),
    N_("The name has invisible characters, or too many marks on a letter."),
    N_("The text was refused: surrogate."),
    N_("The text was refused: nul."),
    N_("The text was refused: noncharacter."),
    N_("The text was refused: too many bytes."),
    N_("The text was refused: too many lines."),
    N_("the address is not a host name or IP address with a port"),
    N_("the address should look like chat.example.org or chat.example.org:8443"),
    N_("an invite link begins with {scheme}:// and is one line"),
    N_("the link is damaged: paste it whole, up to its last character"),
    N_("this is not a link to join a server"),
    N_("this is not a link to log in to a server"),
    N_("the link is damaged: its pin has the wrong form"),
    N_("the link is damaged: it has no name"),
    N_("the link names a part twice"),
    N_("the link is damaged: its code or its pin has the wrong form"),
    N_("the inviter's part of the link is damaged: ask them for the link again"),
    # of the verdicts on code points
    N_("visible"),
    N_("let through in context"),
    N_("visible on a dotted circle"),
    N_("shown as spaces"),
    N_("escaped"),
    N_("line break"),
)


def protocol_sentence(error: Exception) -> str:
    """Return the sentence of an error of the protocol, or of any other, whose own it is."""
    if isinstance(error, InvalidLinkError):
        return _(error.sentence).format(**error.fields)
    return _(str(error))
