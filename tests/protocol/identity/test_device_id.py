"""Device ids, codes and proofs: bound to account, server, key and session."""

from tests.protocol.identity.signing import ADA, SERVER, public

from parlour_protocol.identity import (
    account_proof,
    credential_of,
    device_id_of,
    device_proof,
    pairing_code,
)
from parlour_protocol.kit.ids import SessionId
from parlour_protocol.kit.names import parse_user_name

BOB = parse_user_name("bob")
KNOWN = "o5o2t5gjtt736t5kqzxspwrlhy"


def test_an_id_is_of_one_key_of_one_account_at_one_server() -> None:
    """A server cannot give the id to another key, nor the key to another person."""
    made = {
        device_id_of(user, server, public(key))
        for user in (ADA, BOB)
        for server in (SERVER, "other.example")
        for key in ("laptop", "phone")
    }
    assert len(made) == 8
    assert all(len(one) == 26 and set(one) <= set("abcdefghijklmnopqrstuvwxyz234567") for one in made)


def test_the_id_of_a_known_key_stays() -> None:
    """It is in the archives of all who know the device: a change of the rule is a new version."""
    assert device_id_of(ADA, SERVER, bytes(32)) == KNOWN


def test_where_a_name_ends_is_part_of_it() -> None:
    """`ada` at `xchat` is not `adax` at `chat`: a zero byte, which no name holds, stands between."""
    adax = parse_user_name("adax")
    assert device_id_of(ADA, "xchat", public("laptop")) != device_id_of(adax, "chat", public("laptop"))
    assert account_proof(ADA, "xchat") != account_proof(adax, "chat")


def test_the_code_is_the_beginning_of_the_id() -> None:
    """80 bits in four groups, which a person can read out."""
    device = device_id_of(ADA, SERVER, public("laptop"))
    code = pairing_code(device)
    assert [len(group) for group in code.split("-")] == [4, 4, 4, 4]
    assert device.startswith(code.replace("-", ""))


def test_a_proof_is_worthless_elsewhere() -> None:
    """Another server or session needs other bytes, and an account's proof is not a device's."""
    proofs = {
        device_proof(SERVER, SessionId("s" * 22)),
        device_proof(SERVER, SessionId("t" * 22)),
        device_proof("other.example", SessionId("s" * 22)),
        account_proof(ADA, SERVER),
        account_proof(BOB, SERVER),
    }
    assert len(proofs) == 5


def test_a_credential_names_person_server_and_device() -> None:
    """As it stands in every leaf."""
    device = device_id_of(ADA, SERVER, public("laptop"))
    assert credential_of(ADA, SERVER, device) == f"ada@chat.example/{device}".encode()
