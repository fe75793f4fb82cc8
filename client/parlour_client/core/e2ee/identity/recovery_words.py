"""The account key as 24 words that a person can write down (BIP39, English list), and back.

The last word contains a checksum of 8 bits, so that a typo is found. Errors name a wrong word by its
position; the words themselves are in no error and no log. SAS uses the same list.
"""

import functools
from collections.abc import Sequence
from typing import Final

from mnemonic import Mnemonic

from parlour_client.core.e2ee.identity.keys import AccountKey
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_mls import Secret

WORDS: Final = 24
_HINT: Final = N_("There are 24 English words, in the order they were shown.")


@functools.cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


def word_list() -> Sequence[str]:
    """Return the 2,048 words, in order: eleven bits each."""
    return _bip39().wordlist


def words_of(key: AccountKey) -> tuple[str, ...]:
    """Return the recovery words; show them once and store them nowhere."""
    return tuple(_bip39().to_mnemonic(key.seed.reveal()).split())


def key_of(words: Sequence[str]) -> AccountKey:
    """Return the account key that the words encode. Raises SetupError."""
    typed = [word.strip().lower() for word in words if word.strip()]
    if len(typed) != WORDS:
        raise SetupError(
            _("These are {count} words, not {words}.").format(count=len(typed), words=WORDS), _HINT
        )
    known = frozenset(word_list())
    for number, word in enumerate(typed, 1):
        if word not in known:
            raise SetupError(
                _("Word {number} is not in the list of recovery words.").format(number=number),
                _("Check its spelling."),
            )
    try:
        return AccountKey(Secret(bytes(_bip39().to_entropy(typed))))
    except ValueError:
        # Without its cause: that error could put the words into a log.
        raise SetupError(
            _("These words don't belong together: one is wrong, or two are swapped."), _HINT
        ) from None
