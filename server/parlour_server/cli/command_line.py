"""The root of the command line, and its error handling.

Every error is one sentence that says what to do, never a traceback. The exit status is 1 for an error and 2
for a wrong command line. `main` is the entry point.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final

import click

from parlour_protocol.kit.errors import ParlourProtocolError
from parlour_server.cli import audit_command as log
from parlour_server.cli import backup_commands as backups
from parlour_server.cli import doctor_command as doctor
from parlour_server.cli import invite_commands as invites
from parlour_server.cli import room_commands as rooms
from parlour_server.cli import serve_commands as serve
from parlour_server.cli import session_commands as sessions
from parlour_server.cli import user_commands as accounts
from parlour_server.errors import ParlourServerError, RefusedError, UnavailableError

_FAILED: Final = 1
_NOT_UNDERSTOOD: Final = 2
_INTERRUPTED: Final = 130
_EXPECTED: Final = (click.ClickException, ParlourServerError, ParlourProtocolError, OSError)
_EXAMPLE: Final = """\b
Example, a server for friends:
  parlour-server init --data ~/parlour --name chat.example.org
  parlour-server run --data ~/parlour --listen 0.0.0.0:8443
  parlour-server invite create --data ~/parlour --uses 5
"""


@click.group(epilog=_EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parlour", prog_name="parlour-server", message="%(prog)s %(version)s")
def cli() -> None:
    """Run and administer a Parlour server. Commands also work while the server is running."""
    # Files that commands write are private to this user.
    os.umask(0o077)


for command in (
    serve.init,
    serve.run,
    doctor.doctor,
    invites.invite,
    accounts.user,
    rooms.room,
    sessions.session,
    log.audit,
    backups.backup,
    backups.verify,
    backups.restore,
    backups.migrate,
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(guarded(arguments))


def guarded(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    status = 0
    try:
        # Without standalone mode click returns the status that a command exits with.
        returned = cli.main(arguments, prog_name="parlour-server", standalone_mode=False)
        status = returned if isinstance(returned, int) else 0
    except click.UsageError as error:
        error.show()
        status = _NOT_UNDERSTOOD
    except (KeyboardInterrupt, click.Abort):
        status = _INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe; keep Python from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _FAILED
    except _EXPECTED as error:
        status = _print_error(_sentence(error))
    except Exception as error:
        if os.environ.get("PARLOUR_DEBUG"):
            raise
        kind = type(error).__name__
        status = _print_error(f"this is a bug in Parlour ({kind}); set PARLOUR_DEBUG=1 to see where")
    return status


def _print_error(sentence: str) -> int:
    click.echo(f"parlour-server: {sentence}", err=True)
    return _FAILED


def _sentence(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, RefusedError):
        return error.hint or error.code.value.replace("_", " ")
    if isinstance(error, UnavailableError):
        return f"the store can't do this right now and nothing was changed ({error}); is the disk full?"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the system'}: {error.strerror}"
    return str(error) or type(error).__name__
