"""D24: what people's own devices are asked to look for in encrypted rooms, and by which programs."""

from pathlib import Path

import msgspec
import pytest
from tests.server.capabilities.inspection.notes import app

from parlour_protocol.identity import PolicyEntry
from parlour_protocol.identity.key_log import NO_POLICY, decode_entry
from parlour_protocol.kit.inspect import Action
from parlour_protocol.kit.inspect.policy import InspectionPolicy
from parlour_server.capabilities import CAPABILITIES
from parlour_server.capabilities.inspection import CAPABILITY
from parlour_server.capabilities.inspection.served import policy_of
from parlour_server.capabilities.inspection.settings import InspectionSettings
from parlour_server.chat.program import CHAT, ChatApp
from parlour_server.core.errors import SetupError
from parlour_server.testing.server import World, running

ON = InspectionSettings(encrypted_rooms="on", cards="block", tunnel="flag")
GIVEN = {"inspection.encrypted_rooms": "on", "inspection.cards": "block"}


def test_only_what_a_device_can_do_alone_is_asked_of_it(tmp_path: Path) -> None:
    """Tunnels and inspectors of packages are the server's; without `encrypted_rooms` there is nothing."""
    folder = CHAT.folder(tmp_path)
    asked = policy_of(ON, folder)
    assert asked is not None
    assert InspectionPolicy.read(asked.data).rules == (("cards", Action.BLOCK),)
    assert (asked.about, asked.words) == ("cards=block", 0)
    assert policy_of(msgspec.structs.replace(ON, encrypted_rooms="off"), folder) is None
    assert policy_of(InspectionSettings(encrypted_rooms="on", tunnel="flag"), folder) is None
    (tmp_path / "words.txt").write_text("falcon\n", encoding="utf-8")
    words = policy_of(msgspec.structs.replace(ON, words="flag", size="block", word_list="words.txt"), folder)
    assert words is not None
    made = InspectionPolicy.read(words.data)
    assert (made.words, made.text_bytes, made.refused_files) == (("falcon",), 4096, ())
    assert (words.about, words.words) == ("cards=block, words=flag, size=block", 1)


def test_no_policy_is_the_empty_one() -> None:
    """The key log's own bytes for it are what clients read as a policy without rules."""
    assert InspectionPolicy.read(NO_POLICY) == InspectionPolicy()


async def policies(world: World) -> list[bytes]:
    """Return all that the key log has."""
    entries, _ = await world.parts.store.keylog.page(after=0, limit=9)
    read = [decode_entry(bytes(entry)) for entry in entries]
    return [one.policy for one in read if isinstance(one, PolicyEntry)]


async def test_a_server_without_the_capability_claims_no_policy(tmp_path: Path) -> None:
    """What an earlier start asked of devices ends: nobody answers for it any more."""
    async with running(CHAT, tmp_path / "data", given=GIVEN) as world:
        asked = await policies(world)
        assert [InspectionPolicy.read(one).rules for one in asked] == [(("cards", Action.BLOCK),)]
    (tmp_path / "data" / "parlour.toml").write_text("", encoding="utf-8")
    without = ChatApp([one for one in CAPABILITIES if one is not CAPABILITY])
    async with running(without, tmp_path / "data") as world:
        assert await policies(world) == [*asked, NO_POLICY]


async def test_a_program_that_tells_devices_nothing_refuses_the_setting(tmp_path: Path) -> None:
    """Its operator would believe that encrypted rooms are looked at."""
    with pytest.raises(SetupError, match=r"inspection\.encrypted_rooms is on, but Notes has nothing"):
        async with running(app, tmp_path / "data", given=GIVEN):
            pass
