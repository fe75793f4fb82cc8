"""Settings in words, for a line on the screen or in the line mode."""

from parlour_client.core.setting import Setting, Value, shown_value
from parlour_client.core.settings import Settings, groups, values
from parlour_client.kit.language import _
from parlour_protocol.kit.text import safe_text


def setting_line(setting: Setting, value: Value) -> str:
    """Return a setting's value, what it is for and what it may be."""
    line = _("{setting}: {value}. {help}.").format(
        setting=setting.key, value=_safe(value), help=f"{setting.help[:1].upper()}{setting.help[1:]}"
    )
    if not setting.words:
        return line
    return f"{line} {_('One of: {choices}').format(choices=', '.join(setting.words))}."


def changed_line(key: str, value: Value) -> str:
    """Say that a setting was changed."""
    words = (
        _("{setting} is {value} from the next start.")
        if key == "language"
        else _("{setting} is now {value}.")
    )
    return words.format(setting=key, value=_safe(value))


def group_lines(settings: Settings) -> list[str]:
    """Return a line for each group, with its settings and their values."""
    now = values(settings)
    return [
        f"{_(group)}: {', '.join(f'{key} {_safe(now[key])}' for key in keys)}."
        for group, keys in groups().items()
    ]


def _safe(value: Value) -> str:
    return " ".join(safe_text(shown_value(value)).lines).strip() or _("empty")
