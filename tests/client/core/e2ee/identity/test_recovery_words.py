"""The recovery words: there and back, and what is said about slips of the pen."""

import pytest

from parlour_client.core.e2ee.identity.keys import AccountKey, DeviceKey, key_of, word_list, words_of
from parlour_client.kit.errors import SetupError
from parlour_mls import Secret
from parlour_protocol.kit.names import parse_user_name

KEY = AccountKey(Secret(bytes(range(32))))


def test_the_words_are_those_of_bip39():
    """The vector of BIP39 for an entropy of zeros (bitcoin/bips, bip-0039) is met."""
    assert words_of(AccountKey(Secret(bytes(32)))) == ("abandon",) * 23 + ("art",)


def test_there_and_back():
    """The words give the same key again, however they were typed."""
    assert key_of(words_of(KEY)).public == KEY.public
    assert key_of([f" {word.upper()} " for word in words_of(KEY)]).public == KEY.public


def test_a_word_that_is_none_is_named_by_its_number():
    """The person learns which word to look at; the word itself is not repeated."""
    words = [*words_of(KEY)]
    words[6] = "parlour"
    with pytest.raises(SetupError, match=r"^Word 7 is not in the list of recovery words\.$"):
        key_of(words)


def test_two_words_in_each_others_place_are_found():
    """The checksum finds words that were swapped, and the error does not carry them."""
    words = [*words_of(KEY)]
    words[0], words[1] = words[1], words[0]
    with pytest.raises(SetupError, match="don't belong together") as caught:
        key_of(words)
    assert caught.value.__cause__ is None
    assert not any(word in str(caught.value) for word in words)


@pytest.mark.parametrize("count", [0, 12, 23, 25])
def test_there_are_24(count: int):
    """Twelve words would be a whole BIP39 phrase, too, but not a key of ours."""
    with pytest.raises(SetupError, match=f"{count} words, not 24"):
        key_of((words_of(KEY) * 2)[:count])


def test_keys_do_not_show_themselves():
    """Neither key's seed is in its repr."""
    device = DeviceKey(Secret(bytes(range(32))), parse_user_name("ana"), "here")
    for shown in (repr(KEY), repr(device), f"{KEY}", f"{device.signer!r}"):
        assert bytes(range(32)).hex() not in shown


def test_the_list_has_eleven_bits():
    """The SAS words take eleven bits from the list for each word."""
    assert len(set(word_list())) == 2048
