"""The command that shows and changes settings."""

from dataclasses import replace

import pytest
from tests.client.commands.giving import call_from, give
from tests.client.ui.ui_fake import FakeClient

from parlour_client.commands.front import Front
from parlour_client.commands.results import Question, SettingChosen, SettingShown, SettingsListed
from parlour_client.core.settings import BY_KEY, Settings
from parlour_client.kit.errors import SetupError, WrongUseError


@pytest.mark.parametrize(
    ("line", "chosen"),
    [
        ("/set typing on", SettingChosen("typing", value=True)),
        ("/set Typing OFF", SettingChosen("typing", value=False)),
        ("/set message_layout compact", SettingChosen("message_layout", value="compact")),
        ("/set editor vim -n", SettingChosen("editor", value="vim -n")),
        ("/set editor default", SettingChosen("editor", value="")),
        ("/set paste_guard default", SettingChosen("paste_guard", value=True)),
        ("/set keep always", SettingChosen("keep", value="always")),
    ],
)
@pytest.mark.parametrize("front", [Front.UI, Front.LINE])
async def test_a_setting_is_changed(
    client: FakeClient, front: Front, line: str, chosen: SettingChosen
) -> None:
    """By the words that a person uses."""
    assert await give(client, front, line) == chosen


async def test_one_or_all_are_shown(client: FakeClient) -> None:
    """As they are now."""
    call = replace(call_from(client, Front.UI), settings=Settings(typing=True))
    assert await give(client, Front.UI, "/set typing", call) == SettingShown(BY_KEY["typing"], value=True)
    assert await give(client, Front.UI, "/set", call) == SettingsListed(call.settings)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/set typing maybe", "typing is one of on, off, default."),
        ("/set typing on now", "typing is one of on, off, default."),
        ("/set keep 2d", "keep is one of always, 1d"),
        ("/set keys app.quit", "Keys can't be set by a command."),
        ("/set typign on", "There is no setting typign. Did you mean typing?"),
        ("/set \u202ex on", "There is no setting ⟦U+202E⟧x. /set lists them."),
    ],
)
async def test_a_value_that_does_not_fit_is_refused(client: FakeClient, line: str, why: str) -> None:
    """With what it may be, or a similar name."""
    with pytest.raises(SetupError) as refused:
        await give(client, Front.LINE, line)
    assert refused.value.whole.startswith(why)


async def test_forgetting_is_asked_first(client: FakeClient) -> None:
    """A shorter time to keep messages can't be undone."""
    question = await give(client, Front.UI, "/set keep 7d")
    assert isinstance(question, Question)
    assert await question.do() == SettingChosen("keep", "7d")
    call = replace(call_from(client, Front.LINE), settings=Settings(keep="7d"))
    assert isinstance(await give(client, Front.LINE, "/set keep 1d --yes", call), Question)


async def test_the_line_mode_leaves_the_colours_alone(client: FakeClient) -> None:
    """It does not know the themes of the screen, so it could not refuse one that is none."""
    with pytest.raises(SetupError, match="no colours"):
        await give(client, Front.LINE, "/set theme monochrome")
    assert await give(client, Front.UI, "/set theme monochrome") == SettingChosen("theme", "monochrome")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("/settings typing", "/settings takes nothing after it. There is also /settings file."),
        ("/leave garden", "/leave takes nothing after it."),
        ("/role bob king", "Write /role PERSON owner|moderator|member."),
    ],
)
async def test_words_after_a_command_that_takes_none_are_named(
    client: FakeClient, line: str, why: str
) -> None:
    """The usage alone would only repeat what was written."""
    with pytest.raises(WrongUseError) as refused:
        await give(client, Front.UI, line)
    assert refused.value.whole == why
