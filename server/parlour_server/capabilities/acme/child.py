"""The process that speaks with the CA: a job on standard input, a reply on standard output.

It is never given the server's key, and can be ended at any time: what it put up for challenges it takes away.
"""

import os
import signal
import sys
from typing import NoReturn

import msgspec

from parlour_server.capabilities.acme.job import CertificateJob, Reply
from parlour_server.core.errors import SetupError


class _Ended(BaseException):
    """The server stops, or the time is over."""


def main() -> None:
    """Do one job."""
    os.umask(0o077)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=CertificateJob)
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(job.seconds)
    sys.stdout.buffer.write(msgspec.json.encode(_do(job)))
    sys.stdout.flush()


def _do(job: CertificateJob) -> Reply:
    try:
        from parlour_server.capabilities.acme import order  # noqa: PLC0415 - the extra may be missing
    except ImportError as error:
        return Reply(
            why=f"ACME needs its library ({error}); install Parlour's extra `acme` (docs/how-to/install.md)"
        )
    try:
        return Reply(chain=order.obtain(job))
    except _Ended:
        return Reply(why=f"the CA did not finish within {job.seconds} seconds")
    except SetupError as error:
        return Reply(why=str(error))
    except Exception as error:  # noqa: BLE001 - the library raises many kinds, and a hostile answer more
        return Reply(why=order.why_of(error))


def _end(_number: int, _frame: object) -> NoReturn:
    raise _Ended


if __name__ == "__main__":
    main()
