"""The command that shows and changes settings; the front ends own them, and apply and save what is chosen."""

from parlour_client.commands.command import Asks, Call, Elsewhere, OneSetting, SettingValue, command
from parlour_client.commands.front import Front
from parlour_client.commands.results import Question, SettingChosen, SettingShown, SettingsListed
from parlour_client.kit.answers import Letter
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _


@command("set", cli=Elsewhere(N_("Edit the settings file.")), asks=Asks())
async def set_(
    call: Call, setting: OneSetting = None, *, value: SettingValue = ""
) -> SettingsListed | SettingShown | SettingChosen | Question:
    """Show the settings or one of them, or change one; "default" as the value restores it."""
    from parlour_client.core.settings import values  # noqa: PLC0415 - `--help` needs no settings

    if setting is None:
        return SettingsListed(call.settings)
    now = values(call.settings)[setting.key]
    if not value:
        return SettingShown(setting, now)
    chosen = setting.typed(value)
    if setting.key == "theme" and call.front is Front.LINE:
        raise SetupError(
            _("Nothing was changed: the line mode has no colours."),
            _("Choose them in the full-screen chat."),
        )
    changed = SettingChosen(setting.key, chosen)
    if setting.key != "keep" or chosen in (now, setting.default):
        return changed

    async def do() -> SettingChosen:
        return changed

    return Question(
        _("Forget older messages on this device?"),
        Letter("f", _("forget them")),
        do,
        details=(_("Others keep them; this device won't load them again."),),
    )
