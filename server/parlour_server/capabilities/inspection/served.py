"""Inspection in a server, by its settings: nothing, if nothing is on."""

from typing import Any, Final

from parlour_protocol.kit.inspect.file_types import KINDS
from parlour_protocol.kit.inspect.inspector import Options
from parlour_protocol.kit.inspect.policy import LOCAL, InspectionPolicy
from parlour_protocol.kit.inspect.verdict import Action
from parlour_protocol.kit.inspect.words import WordList
from parlour_server.app.capability import Served
from parlour_server.app.parts import Parts
from parlour_server.capabilities.inspection.inspection import Inspection, InspectionEvent
from parlour_server.capabilities.inspection.inspector_process import InspectorProcess
from parlour_server.capabilities.inspection.metrics import INSPECTION_METRICS, InspectionMetrics
from parlour_server.capabilities.inspection.plugins import find_plugins, plugin_of
from parlour_server.capabilities.inspection.settings import InspectionSettings
from parlour_server.core.config.server_settings import section
from parlour_server.core.content_filter import DevicePolicy
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import SetupError


async def _start(parts: Parts[Any, Any]) -> None:
    """Look at requests and files from now on, if an inspector is on. Raises SetupError."""
    settings, hooks = section(parts.settings, InspectionSettings), parts.hooks
    hooks.device_policy = policy_of(settings, parts.folder) or hooks.device_policy
    shipped = shipped_of(settings)
    plugins = [*map(plugin_of, parts.inspectors), *find_plugins(settings.plugins)]
    if not shipped and not plugins:
        return
    options, seconds = options_of(settings, parts.folder), settings.inspector_ms / 1000
    process = InspectorProcess(shipped, plugins, options, parts.clock, seconds=seconds)
    parts.stack.push_async_callback(process.close)
    await process.open()
    known = [
        *((name, action.value) for name, action in shipped),
        *((plugin.name, plugin.action.value) for plugin in plugins),
    ]
    hooks.set_content_filter(
        Inspection(
            process,
            fails_open=settings.on_failure == "allow",
            audit=parts.audit,
            metrics=InspectionMetrics(parts.metrics, known),
            clock=parts.clock,
        )
    )


def policy_of(settings: InspectionSettings, folder: DataFolder) -> DevicePolicy | None:
    """Return what people's own devices should look for, None for nothing. Raises SetupError."""
    rules = tuple((name, action) for name, action in shipped_of(settings) if name in LOCAL)
    if settings.encrypted_rooms == "off" or not rules:
        return None
    options, names = options_of(settings, folder), {name for name, _ in rules}
    policy = InspectionPolicy(
        rules,
        options.words.entries if "words" in names else (),
        tuple(sorted(options.refused_files)) if "files" in names else (),
        options.text_bytes if "size" in names else 0,
        options.file_bytes if "size" in names else 0,
    )
    about = ", ".join(f"{name}={action.value}" for name, action in rules)
    return DevicePolicy(policy.to_bytes(), "inspection.encrypted_rooms", about, len(policy.words))


def shipped_of(settings: InspectionSettings) -> list[tuple[str, Action]]:
    """Return the shipped inspectors that are on, each with its action."""
    chosen = {
        "secrets": settings.secrets,
        "cards": settings.cards,
        "words": settings.words,
        "files": settings.files,
        "size": settings.size,
        "tunnel": settings.tunnel,
    }
    return [(name, Action(action)) for name, action in chosen.items() if action != "off"]


def options_of(settings: InspectionSettings, folder: DataFolder) -> Options:
    """Return what the shipped inspectors are set to. Raises SetupError."""
    if unknown := set(settings.refused_files) - KINDS:
        raise SetupError(
            f"inspection.refused_files: {', '.join(sorted(unknown))} is not a kind of file; "
            f"there are {', '.join(sorted(KINDS))}"
        )
    return Options(
        read_words(settings, folder),
        settings.text_bytes,
        settings.file_bytes,
        frozenset(settings.refused_files),
    )


def read_words(settings: InspectionSettings, folder: DataFolder) -> WordList:
    """Return the word list. Raises SetupError for one that is missing while its inspector is on."""
    if settings.words == "off":
        return WordList(())
    if not settings.word_list:
        raise SetupError("inspection.words is on: name a file in inspection.word_list, one entry a line")
    path = folder.path / settings.word_list
    try:
        return WordList(path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise SetupError(f"inspection.word_list: can't use {path}: {error}") from error


SERVED: Final = Served(
    start=_start,
    metrics=INSPECTION_METRICS,
    audit_events=tuple(InspectionEvent),
    repeatable_events=frozenset(InspectionEvent),
)
