"""The process in which the inspectors run.

It reads what they are, and then jobs, from standard input, and writes what was found to standard output,
until the input ends; what an inspector prints goes to standard error. It opens nothing, and ignores the
signals that stop the server: the server ends it last.
"""

import importlib
import os
import signal
import sys
import time
from io import FileIO
from typing import Any, cast

import msgspec

from parlour_protocol.kit.inspect import Action, Context, Inspector
from parlour_protocol.kit.inspect.inspector import Options, Sent
from parlour_protocol.kit.inspect.judge import Rule, judge
from parlour_protocol.kit.inspect.traffic import sent_of, size_of
from parlour_server.capabilities.inspection.inspector_process import Done, InspectionJob, Setup
from parlour_server.capabilities.inspection.plugins import problem_of

_LENGTH = 4


def main() -> int:
    """Load the inspectors, say so, and work."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    jobs, answers = FileIO(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # print() of an inspector must not be taken for an answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nor input() take a job
    first = _read(jobs)
    if first is None:
        return 1
    setup = msgspec.msgpack.decode(first, type=Setup)
    groups = [setup.rules()]
    for name, target, action in setup.plugins:
        try:
            groups.append((_rule(name, target, action),))
        except Exception as error:  # noqa: BLE001 - the server says it
            _write(answers, problem_of(error, f"{name} ({target})").encode())
            return 1
    _write(answers, b"")
    options = setup.options()
    decoder = msgspec.msgpack.Decoder(InspectionJob)
    while (data := _read(jobs)) is not None:
        _write(answers, msgspec.msgpack.encode(_work(groups, options, decoder.decode(data))))
    return 0


def _rule(name: str, target: str, action: Action) -> Rule:
    module, _, function = target.partition(":")
    found: Any = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{target} is not a function")
    return Rule(name, cast("Inspector", found), action)


def _work(groups: list[tuple[Rule, ...]], options: Options, job: InspectionJob) -> Done:
    start = time.perf_counter()
    parts = [wire.part for wire in job.parts]
    recent: tuple[Sent, ...] = ()
    encoded = False
    if job.recent is not None:
        sent = sent_of(max(parts, key=size_of), job.at)
        recent, encoded = (*(Sent(*earlier) for earlier in job.recent), sent), sent.encoded
    outcome = judge(
        groups[job.inspectors], parts, Context(job.sender, job.room, options=options, recent=recent)
    )
    return Done(outcome, encoded, time.perf_counter() - start)


def _read(jobs: FileIO) -> bytes | None:
    head = _exactly(jobs, _LENGTH)
    return None if head is None else _exactly(jobs, int.from_bytes(head, "big"))


def _exactly(jobs: FileIO, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = jobs.read(size - len(data))
        if not more:
            return None
        data += more
    return data


def _write(answers: FileIO, data: bytes) -> None:
    view = memoryview(len(data).to_bytes(_LENGTH, "big") + data)
    while view:
        view = view[answers.write(view) :]


if __name__ == "__main__":
    sys.exit(main())
