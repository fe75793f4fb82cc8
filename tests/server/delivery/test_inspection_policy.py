"""D24: what the operator wants inspected in encrypted rooms is an entry of the key log."""

from pathlib import Path

import msgspec
import pytest
from tests.server.fakes import ReadableAudit, StoppedClock

from parlour_protocol.identity import PolicyEntry
from parlour_protocol.identity.inspection_policy import InspectionPolicy
from parlour_protocol.identity.key_log import POLICY_PREFIX, decode_entry
from parlour_protocol.kit.inspect import Action
from parlour_server.chat_audit import ChatAuditEvent
from parlour_server.chat_program import CHAT
from parlour_server.chat_settings import ChatInspection
from parlour_server.delivery.inspection_policy import policy_of, publish_policy
from parlour_server.kit.errors import SetupError
from parlour_server.kit.setup.data_folder import DataFolder
from parlour_server.store.chat_store import ChatStore

ON = ChatInspection(encrypted_rooms="on", cards="block", tunnel="flag")


def test_only_what_a_device_can_do_alone_is_asked_of_it(tmp_path: Path) -> None:
    """Tunnels and inspectors of packages are the server's; without `encrypted_rooms` there is nothing."""
    folder = CHAT.folder(tmp_path)
    assert policy_of(ON, folder).rules == (("cards", Action.BLOCK),)
    assert policy_of(msgspec.structs.replace(ON, encrypted_rooms="off"), folder) == InspectionPolicy()
    assert policy_of(ChatInspection(encrypted_rooms="on", tunnel="flag"), folder) == InspectionPolicy()
    (tmp_path / "words.txt").write_text("falcon\n", encoding="utf-8")
    words = msgspec.structs.replace(ON, words="flag", size="block", word_list="words.txt")
    made = policy_of(words, folder)
    assert (made.words, made.text_bytes, made.refused_files) == (("falcon",), 4096, ())
    assert InspectionPolicy.read(made.to_bytes()) == made


async def test_each_change_is_one_entry(store: ChatStore, folder: DataFolder) -> None:
    """Nothing for a server that never had one; starting again adds nothing; its end is an entry, too."""
    clock, audit = StoppedClock(), ReadableAudit()
    sizes = []
    for settings in (ChatInspection(), ON, ON, msgspec.structs.replace(ON, cards="flag"), ChatInspection()):
        await publish_policy(store.keylog, settings, folder, "chat.example", audit, clock)
        entries, _ = await store.keylog.page(after=0, limit=9)
        sizes.append(len(entries))
    assert sizes == [0, 1, 1, 2, 3]
    assert all(bytes(entry).startswith(POLICY_PREFIX) for entry in entries)
    assert all(isinstance(decode_entry(bytes(entry)), PolicyEntry) for entry in entries)
    assert audit.kinds() == [ChatAuditEvent.POLICY_PUBLISHED] * 3


async def test_a_policy_that_does_not_fit_is_refused(store: ChatStore, folder: DataFolder) -> None:
    """The server says so at its start; every client keeps the log for ever."""
    words = "\n".join(f"word{number}" for number in range(300))
    (folder.path / "words.txt").write_text(words, encoding="utf-8")
    settings = msgspec.structs.replace(ON, words="flag", word_list="words.txt")
    with pytest.raises(SetupError, match="shorten the word list"):
        await publish_policy(store.keylog, settings, folder, "chat.example", ReadableAudit(), StoppedClock())
