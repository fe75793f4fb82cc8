"""Makes the inspection of a server from its settings: none, if nothing is on."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from parlour_protocol.kit.inspect.file_types import KINDS
from parlour_protocol.kit.inspect.inspector import Inspector, Options
from parlour_protocol.kit.inspect.verdict import Action
from parlour_protocol.kit.inspect.words import WordList
from parlour_server.kit.audit import Audit
from parlour_server.kit.clock import Clock
from parlour_server.kit.config.server_settings import InspectionSettings
from parlour_server.kit.errors import SetupError
from parlour_server.kit.inspection.inspection import Inspection
from parlour_server.kit.inspection.inspector_process import InspectorProcess
from parlour_server.kit.inspection.metrics import InspectionMetrics
from parlour_server.kit.inspection.plugins import find_plugins, plugin_of
from parlour_server.kit.metrics import Metrics
from parlour_server.kit.setup.data_folder import DataFolder


async def start_inspection(
    settings: InspectionSettings,
    own: Sequence[Inspector],
    folder: DataFolder,
    audit: Audit,
    metrics: Metrics,
    clock: Clock,
    stack: AsyncExitStack,
) -> Inspection | None:
    """Return the inspection, None if no inspector is on. ``own``: those of the program. Raises SetupError."""
    shipped = shipped_of(settings)
    plugins = [*map(plugin_of, own), *find_plugins(settings.plugins)]
    if not shipped and not plugins:
        return None
    process = InspectorProcess(
        shipped, plugins, options_of(settings, folder), clock, seconds=settings.inspector_ms / 1000
    )
    stack.push_async_callback(process.close)
    await process.open()
    return Inspection(
        process,
        fails_open=settings.on_failure == "allow",
        audit=audit,
        metrics=InspectionMetrics(
            metrics,
            [
                *((name, action.value) for name, action in shipped),
                *((plugin.name, plugin.action.value) for plugin in plugins),
            ],
        ),
        clock=clock,
    )


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
    return [(name, Action(one)) for name, one in chosen.items() if one != "off"]


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
