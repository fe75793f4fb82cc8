"""The key of the key log: made once, private, and looked at by `doctor`."""

import threading

import pytest

from parlour_protocol.identity import Head
from parlour_protocol.kit.merkle import Tree
from parlour_server.capabilities.diagnostics.examine import examine
from parlour_server.chat.program import CHAT
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError
from parlour_server.core.signatures import SigningKey, holds, make_signing_key


def test_it_is_made_once_and_stays(folder: DataFolder) -> None:
    """Another key would be an alarm at every client."""
    before = SigningKey.load(folder.signing_key).public
    assert not make_signing_key(folder.signing_key)
    assert SigningKey.load(folder.signing_key).public == before
    assert folder.signing_key.stat().st_mode & 0o777 == 0o600


def test_servers_that_start_at_once_sign_with_one_key(folder: DataFolder) -> None:
    """The first to write it wins; nothing is left beside it."""
    folder.signing_key.unlink()
    made: list[bool] = []
    together = threading.Barrier(8)

    def start() -> None:
        together.wait()
        made.append(make_signing_key(folder.signing_key))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made.count(True) == 1
    assert [path.name for path in folder.path.glob(".keylog*")] == []
    SigningKey.load(folder.signing_key)


def test_it_signs_the_heads_of_its_own_server(folder: DataFolder) -> None:
    """What holds for one name holds for no other."""
    key, head = SigningKey.load(folder.signing_key), Head.of(Tree())
    signature = key.sign(head.to_be_signed("chat.example"))
    assert holds(key.public, head.to_be_signed("chat.example"), signature)
    assert not holds(key.public, head.to_be_signed("other.example"), signature)


@pytest.mark.parametrize("content", [b"", b"nothing", None])
def test_a_damaged_key_stops_the_server_with_a_sentence(folder: DataFolder, content: bytes | None) -> None:
    """Never silently replaced: also a key of another kind is none."""
    folder.signing_key.write_bytes(folder.key.read_bytes() if content is None else content)
    with pytest.raises(SetupError, match="restore it from a backup"):
        SigningKey.load(folder.signing_key)
    findings, _ = examine(CHAT, folder)
    assert ("danger", "key log") in {(finding.level, finding.about) for finding in findings}


def test_doctor_names_a_key_that_others_can_read(folder: DataFolder) -> None:
    """O2: with the command that mends it."""
    folder.signing_key.chmod(0o640)
    findings, _ = examine(CHAT, folder)
    texts = [finding.text for finding in findings if finding.level == "danger"]
    assert [text for text in texts if "keylog.key" in text and "chmod 600" in text]


def test_doctor_is_content_with_a_good_one_and_knows_when_there_is_none(folder: DataFolder) -> None:
    """L21: a key that is lost is a danger, because another one is an alarm at every client."""
    findings, _ = examine(CHAT, folder)
    assert ("fine", "key log") in {(finding.level, finding.about) for finding in findings}
    folder.signing_key.unlink()
    findings, _ = examine(CHAT, folder)
    assert ("danger", "key log") in {(finding.level, finding.about) for finding in findings}
