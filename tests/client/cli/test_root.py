"""The command line's edges: help, errors in words, exit statuses, passwords."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from tests.client.ui.pseudo_terminal import Terminal
from tests.e2e import commands

from parlour_client.cli import root
from parlour_client.cli.output import print_json
from parlour_client.cli.passwords import read_password
from parlour_client.commands.front import Front
from parlour_client.commands.table import names
from parlour_client.core.archive.key import open_key, rewrap
from parlour_client.core.archive.passphrase import Cost
from parlour_client.kit.errors import NoAccountError
from parlour_client.plain.input_lines import MAX_LINE, split_lines
from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.secret import Secret


def all_commands() -> list[list[str]]:
    """Return the words of every command."""
    return [name.split(" ") for name in names(Front.CLI)]


@pytest.mark.parametrize("words", all_commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: list[str]) -> None:
    """`--help` says what it does and shows how; click's mark for lines that stay as they are is not shown."""
    done = CliRunner().invoke(root.cli, [*words, "--help"])
    assert done.exit_code == 0
    assert "Example" in done.output
    assert f"parlour {words[0]}" in done.output or words == ["chat"]
    assert not {"\\b", "\b"} & set(done.output.replace("\\b", "\b"))


def test_help_lists_every_command() -> None:
    """The root's those of one word and the groups, each group its own."""
    context = click.Context(root.cli)
    for first in ("", *root.groups()):
        done = CliRunner().invoke(root.cli, [*filter(None, [first]), "--help"])
        assert done.exit_code == 0
        group = root.cli.get_command(context, first) if first else root.cli
        assert isinstance(group, root.TableGroup)
        assert all(f"  {name} " in done.output for name in group.list_commands(context))
    assert {name.split(" ")[0] for name in names(Front.CLI)} == set(root.cli.list_commands(context))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sen lobby hi", "Did you mean 'send'?"),
        ("room creat den", "Did you mean 'create'?"),
        ("aprove", "'device approve'"),
        ("send --stdn lobby", "'--stdin'"),
        ("--acount ada send lobby hi", "Did you mean '--account'?"),
    ],
)
def test_a_slip_is_told_what_was_meant_and_runs_nothing(
    line: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command, one of a group, one whose first word was left out, and options."""
    home = tmp_path / "home"
    assert root.guarded(["--home", str(home), *line.split()]) == 2
    assert words in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (click.UsageError("no"), 2),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (NoAccountError("Nobody has logged in."), 1),
        (InvalidLinkError("an invite link begins with parlour://"), 1),
        (OSError(28, "No space left on device"), 1),
        (ModuleNotFoundError("x", name="x"), 1),
        (ZeroDivisionError(), 1),
        (ExceptionGroup("several", [NoAccountError("Nobody has logged in.")]), 1),
    ],
)
def test_every_ending_has_a_status_and_a_sentence(
    error: BaseException, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever happens, there is a status and no traceback."""
    monkeypatch.delenv("PARLOUR_DEBUG", raising=False)
    assert root._ended_by(error) == status
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            TimeoutError(),
            "parlour: That took too long.\n  This machine or the",
        ),
        (OSError(28, "No space left on device", "/tmp/x"), "parlour: /tmp/x: No space left on device."),
        (TimeoutError(110, "Connection timed out"), "parlour: The system: Connection timed out."),
        (ConnectionResetError(), "parlour: This is a bug in Parlour (ConnectionResetError)."),
    ],
    ids=repr,
)
def test_no_class_of_an_error_is_dressed_as_a_sentence(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`The system: TimeoutError.` says nothing: words, or that it is a fault and how to see it."""
    monkeypatch.delenv("PARLOUR_DEBUG", raising=False)
    assert root._ended_by(error) == 1
    assert capsys.readouterr().err.startswith(words)


def test_what_is_not_ours_goes_on() -> None:
    """SystemExit and its like are not swallowed."""
    assert root._ended_by(SystemExit(3)) is None


@pytest.mark.parametrize("link", ["x", "parlour://h/join", "https://h/join#code=aaaaaaaaaaaaaaaaaaaa"])
def test_a_bad_link_is_reported_before_anything_is_made(link: str, tmp_path: Path) -> None:
    """No home is made and no password asked for a link that cannot be read."""
    home = ("--home", str(tmp_path / "h"))
    done = commands.run_here("parlour_client", *home, "join", link, "--username", "ada")
    assert done.returncode == 1
    assert done.stderr.startswith("parlour: ")
    assert not (tmp_path / "h").exists()


def test_what_to_do_without_an_account_names_the_home(tmp_path: Path) -> None:
    """Following it makes the account there, and not in the home that is used without an option."""
    home = tmp_path / "a home"
    done = commands.run_here("parlour_client", "--home", str(home), "send", "lobby", "hello")
    assert done.returncode == 1
    assert "parlour join LINK --username NAME" in done.stderr
    assert f"Write --home '{home}' before join or login, as here." in done.stderr


def test_no_option_takes_a_password() -> None:
    """A password in the arguments would be in `ps` and in the shell's history (P9)."""
    context = click.Context(root.cli)
    for words in all_commands():
        command: click.Command | None = root.cli
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(context, word)
        assert command is not None
        for parameter in command.params:
            takes_a_value = isinstance(parameter, click.Argument) or not getattr(parameter, "is_flag", False)
            assert not (takes_a_value and "pass" in (parameter.name or ""))
            assert parameter.envvar is None


def test_without_a_terminal_a_password_must_be_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is never read from a pipe by accident, where it might be echoed or cut."""
    monkeypatch.setattr("sys.stdin", open("/dev/null", encoding="utf-8"))  # noqa: PTH123, SIM115 - a device
    with pytest.raises(click.UsageError, match="--password-stdin"):
        read_password(stdin=False)
    sys.stdin.close()


def test_what_is_printed_cannot_control_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is ASCII."""
    print_json({"text": "\x1b[2J\u202e\u009b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.strip().isprintable()


def test_lines_are_cut_from_chunks_in_bounded_memory() -> None:
    """Lines over chunk borders, CRLF, a last line without end, and one that goes on and on."""
    chunks = iter([b"one\ntw", b"o\r\n", b"x" * MAX_LINE, b"y" * MAX_LINE, b"\nlast", b""])
    assert list(split_lines(lambda: next(chunks))) == [b"one", b"two", b"x" * MAX_LINE, b"last"]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_prompt_gives_the_terminal_back(number: signal.Signals, tmp_path: Path) -> None:
    """Told to end while it asks for a passphrase: the terminal shows again what is typed."""
    key = tmp_path / "archive.key"
    rewrap(key, open_key(key, None), Secret("open sesame"), Cost(operations=1, memory=64 << 10))
    program = Path(sys.executable).with_name("parlour")
    terminal = Terminal(program, "--home", str(tmp_path), columns=80, rows=24)
    terminal.read_until(b"Passphrase: ")
    terminal.rests()
    terminal.signal(number)
    assert terminal.finish(b"") == 130
    assert terminal.is_given_back


def test_a_dumb_terminal_gets_the_line_mode(tmp_path: Path) -> None:
    """Without being asked: what the screen writes could only be read as rubbish there."""
    program = Path(sys.executable).with_name("parlour")
    terminal = Terminal(program, "--home", str(tmp_path), columns=80, rows=24, env={"TERM": "dumb"})
    terminal.read_until(b"With an invite link: parlour join LINK")
    assert terminal.finish(b"") == 1
    assert b"\x1b" not in terminal.output


def test_an_archive_without_its_key_offers_no_new_account(tmp_path: Path) -> None:
    """The welcome would let someone make an account first, and say only then that the archive stays shut."""
    (tmp_path / "archive.db").write_bytes(b"x")
    program = Path(sys.executable).with_name("parlour")
    terminal = Terminal(program, "--home", str(tmp_path), columns=80, rows=24)
    terminal.read_until(b"there is no file archive.key")
    assert terminal.finish(b"") == 1


def test_a_passphrase_that_no_one_can_type_names_no_option() -> None:
    """`parlour passphrase` has no --password-stdin to be told of."""
    with pytest.raises(click.UsageError, match="run this in one") as told:
        read_password(stdin=False, otherwise="run this in one")
    assert "--password-stdin" not in str(told.value)


def test_what_is_ignored_stays_ignored() -> None:
    """`nohup parlour tail` goes on after its terminal."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    root.end_as_by_ctrl_c()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    signal.signal(signal.SIGHUP, before[0])
    signal.signal(signal.SIGTERM, before[1])


def test_a_command_ends_without_looking_for_garbage_among_its_modules() -> None:
    """That takes as long as some commands; what is frozen is left out."""
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count()))\n"
        "from parlour_client.cli import main; main(['--version'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    assert int(done.stdout.split()[-1]) > 0
