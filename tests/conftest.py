"""The order of the whole run, how many tests run at once, and what makes each of them cheaper.

The files that take longest begin first, so that nobody waits for one last file; hundreds of short ones fill
what is left. A run on several cores gives each of them a file at a time (`make test`).
"""

import gc
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Final

import pytest
from hatch_build import compile_catalogues
from hypothesis import HealthCheck, settings
from tests.idle import until_idle

from parlour_client.extras import register_all
from tests import late

# Both measure how busy the machine is; pytest's own timeout ends what hangs.
settings.register_profile("busy", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

pytest_plugins = ["tests.parent"]
os.environ["COLORTERM"] = "truecolor"  # screens don't depend on the terminal of whoever runs the tests

_LONGEST: Final = (
    "tests/e2e/test_oracle_corpus.py",
    "tests/hostile/test_walks.py",
    "tests/packaging/test_new.py",
    "tests/docs/test_recipes.py",
    "tests/docs/test_tutorials.py",
    "tests/cluster/",
    "tests/e2e/test_encryption_walks.py",
    "tests/e2e/test_terminal_oracle.py",
    "tests/e2e/test_tui.py",
    "tests/e2e/test_encryption_contract.py",
    "tests/e2e/test_rollback.py",
    "tests/client/kit/terminal/test_driver.py",
    "tests/e2e/",
    "tests/hostile/",
    "tests/attacks/",
    "tests/client/ui/",
)
"""Where the longest tests are, the longest first."""
_COMPILED: Final = "parlour/compiled"
"""The key of the cache that says that all tests were collected here before."""
_COMPILING: Final = 90.0
"""Seconds after which a worker no longer waits for the first one."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run look for races (`tests/late.py`)."""
    parser.addoption("--late", type=float, default=0.0, help="share of the network's events noticed late")
    parser.addoption("--late-seed", type=int, help="what decides which; the header shows it")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say how to repeat such a run."""
    return f"--late {share} --late-seed {config.option.late_seed}" if (share := config.option.late) else None


def pytest_configure(config: pytest.Config) -> None:
    """Collect less garbage; let programs that tests start hear Ctrl+C, and find themselves compiled.

    Tests start hundreds of programs, and each would compile all that it imports where Python is told to write
    nothing beside the sources.
    """
    register_all()
    gc.set_threshold(50_000, 20, 20)
    if not hasattr(config, "workerinput"):
        compile_catalogues(config.rootpath)  # one may have changed since the installation
    if config.option.late:
        if config.option.late_seed is None:
            config.option.late_seed = secrets.randbelow(1_000_000)  # the same for all workers
        late.begin(config.option.late, config.option.late_seed)
    os.environ["LANGUAGE"] = "en"  # what tests expect on screens, on every machine
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell starts what runs in its background so, and our programs would not hear Ctrl+C in the tests.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as `nohup` does
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if sys.dont_write_bytecode and (cache := getattr(config, "cache", None)) is not None:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(cache.mkdir("compiled"))


@pytest.fixture(scope="module", autouse=True)
def garbage_of_the_file() -> Iterator[None]:
    """Find what a file left open before the next one begins; what survives isn't visited again.

    Without that, each full collection looks through all tests, imported modules and caches again, which takes
    seconds.
    """
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def no_search_for_sniffio() -> None:
    """Remember that sniffio is not installed: httpcore looks for it at every call."""
    if find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]  # Python's own way to say so


@pytest.fixture(scope="session", autouse=True)
def idle_is_idle() -> Iterator[None]:
    """Let Textual's pilot go on only when nothing is left to do, in the workers that have it."""
    with pytest.MonkeyPatch.context() as patch:
        if "textual.app" in sys.modules:
            for module in ("textual.app", "textual.pilot"):
                patch.setattr(import_module(module), "wait_for_idle", until_idle)
        yield


def pytest_xdist_auto_num_workers() -> int:
    """Run three tests more than there are cores: many wait for a terminal, a server or a timer."""
    return (os.cpu_count() or 1) + 3


def pytest_collection(session: pytest.Session) -> None:
    """Let the first worker compile the tests of a fresh clone, and the others wait for it.

    They begin at the same time with the same files, and would compile all of them each for itself.
    """
    cache = getattr(session.config, "cache", None)
    if cache is None or getattr(session.config, "workerinput", {}).get("workerid", "gw0") == "gw0":
        return
    end = time.monotonic() + _COMPILING
    while not cache.get(_COMPILED, default=False) and time.monotonic() < end:
        time.sleep(0.1)  # another process compiles: there is no event to wait for


def pytest_collection_finish(session: pytest.Session) -> None:
    """Say that everything is compiled, and leave it out of the search for garbage."""
    gc.freeze()
    if (cache := getattr(session.config, "cache", None)) is not None:
        cache.set(_COMPILED, True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; otherwise the order stays."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    places = (at for at, start in enumerate(_LONGEST) if item.nodeid.startswith(start))
    return next(places, len(_LONGEST))
