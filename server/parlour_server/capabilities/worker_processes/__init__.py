"""`run --workers`: several processes of one server behind one address, which a supervisor watches."""

from typing import TYPE_CHECKING, Any, Final

import click

from parlour_server.app.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from parlour_server.app.process import ServerProcess

_WORKERS: Final = click.Option(
    ["--workers"],
    metavar="N",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Serve with so many processes behind one address, one for each core. It needs PostgreSQL.",
)


def _fork(process: "ServerProcess", options: "Mapping[str, Any]") -> "ServerProcess | None":
    workers = options.get("workers", 1)
    if workers == 1:
        return process
    from parlour_server.capabilities.worker_processes.supervisor import start_workers  # noqa: PLC0415 - not for one

    return start_workers(process, workers)


CAPABILITY: Final = Capability(name="worker_processes", fork=_fork, options={"run": (_WORKERS,)})
