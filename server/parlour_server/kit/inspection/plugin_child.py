"""The process in which inspectors from elsewhere run: `python -m … NAME MODULE:FUNCTION ACTION …`.

It reads jobs from standard input and writes what was found to standard output, until the input ends; what an
inspector prints goes to standard error. It opens nothing, and ignores the signals that stop the server: the
server ends it last.
"""

import importlib
import os
import signal
import sys
from io import FileIO
from typing import Any, cast

import msgspec

from parlour_protocol.kit.inspect import Action, Inspector
from parlour_protocol.kit.inspect.judge import Rule, judge
from parlour_server.kit.inspection.plugins import Done, Job, problem_of

_LENGTH = 4


def main() -> int:
    """Load the inspectors, say so, and work."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    jobs, answers = FileIO(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    os.dup2(2, 1)  # print() of an inspector must not be taken for an answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # nor input() take a job
    try:
        rules = [_rule(*words.split(" ")) for words in sys.argv[1:]]
    except Exception as error:  # noqa: BLE001 - the server says it
        _write(answers, problem_of(error, " ".join(sys.argv[1:])).encode())
        return 1
    _write(answers, b"")
    decoder = msgspec.msgpack.Decoder(Job)
    while (data := _read(jobs)) is not None:
        _write(answers, msgspec.msgpack.encode(_work(rules, decoder.decode(data))))
    return 0


def _rule(name: str, target: str, action: str) -> Rule:
    module, _, function = target.partition(":")
    found: Any = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{target} is not a function")
    return Rule(name, cast("Inspector", found), Action(action))


def _work(rules: list[Rule], job: Job) -> Done:
    rule = rules[job.plugin]
    outcome = judge((rule,), [one.part for one in job.parts], job.context(rule.action))
    if outcome.failed:
        return Done(error=outcome.failed[0][1])
    return Done(
        tuple(
            (one.action.value, one.part, one.finding.kind, one.finding.start, one.finding.end)
            for one in outcome.found
        )
    )


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
