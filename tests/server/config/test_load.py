"""Configuration in three layers, and the sentences for what is wrong in it."""

from pathlib import Path

import pytest

from parlour_server.config.load import load
from parlour_server.config.settings import Settings
from parlour_server.config.write import default_file, rows, with_names
from parlour_server.errors import SetupError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a configuration file may be written."""
    return tmp_path / "parlour.toml"


def write(file: Path, text: str) -> Path:
    """Write a private file."""
    file.write_text(text)
    file.chmod(0o600)
    return file


def test_exposed_by_default_is_nothing(file: Path) -> None:
    """O3: without any configuration the server listens on loopback, without metrics."""
    settings = load(file, environment={})
    assert settings == Settings()
    assert settings.listen.address.startswith("127.0.0.1:")
    assert settings.listen.metrics == ""


def test_flags_go_before_the_environment_and_that_before_the_file(file: Path) -> None:
    """Each layer hides what is below, key by key."""
    write(file, '[listen]\naddress = "127.0.0.1:1"\nmetrics = "127.0.0.1:9"\n[logins]\nidle_days = 3\n')
    environment = {"PARLOUR_LISTEN_ADDRESS": "127.0.0.1:2", "PARLOUR_LOGINS_IDLE_DAYS": "4"}
    settings = load(file, environment=environment, flags={"listen.address": "127.0.0.1:3"})
    assert settings.listen.address == "127.0.0.1:3"
    assert settings.listen.metrics == "127.0.0.1:9"
    assert settings.logins.idle_days == 4


def test_a_list_in_the_environment_is_separated_by_commas(file: Path) -> None:
    """PARLOUR_LISTEN_NAMES=a, b"""  # noqa: D400 - an example
    settings = load(file, environment={"PARLOUR_LISTEN_NAMES": "a.example, b.example"})
    assert settings.listen.names == ("a.example", "b.example")


def test_what_is_not_ours_in_the_environment_is_left_alone(file: Path) -> None:
    """The client's variables, and the test suite's, are no settings."""
    names = ("HOME", "DATA", "DEBUG", "VECTORS", "FUTURE_THING")
    environment = {"PATH": "/bin", **{f"PARLOUR_{name}": "/x" for name in names}}
    assert load(file, environment=environment) == Settings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[listn]\n", "no section [listn]; did you mean listen?"),
        ("[connections]\ntotle = 5\n", "no setting connections.totle; did you mean total?"),
        ("[connections]\ntotal = 'many'\n", "connections.total: Expected int, got str"),
        ("[connections]\ntotal = 0\n", "connections.total: Expected int >= 1"),
        ("[logins]\nticket_seconds = 31\n", "logins.ticket_seconds: Expected int <= 30"),
        ("listen = 5\n", "listen is a section"),
        ("total = \n", "no valid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_expectation(file: Path, text: str, said: str) -> None:
    """A typing error must not silently be the default."""
    with pytest.raises(SetupError) as found:
        load(write(file, text), environment={})
    assert said in str(found.value)
    assert str(file) in str(found.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PARLOUR_CONNECTIONS_TOTAL", "many", "PARLOUR_CONNECTIONS_TOTAL in the environment must be a whole"),
        ("PARLOUR_CONNECTIONS_TOTLE", "5", "PARLOUR_CONNECTIONS_TOTLE in the environment names no setting"),
        ("PARLOUR_LOGINS_TICKET_SECONDS", "31", "the environment: logins.ticket_seconds: Expected int <= 30"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(file: Path, name: str, value: str, said: str) -> None:
    """The sentence names the variable."""
    with pytest.raises(SetupError) as found:
        load(file, environment={name: value})
    assert said in str(found.value)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    """O2: whoever can write it could open the server to the world."""
    write(file, "").chmod(mode)
    with pytest.raises(SetupError, match=r"others can write .*`chmod 600"):
        load(file, environment={})


def test_the_file_that_init_writes_shows_every_setting_and_changes_none(file: Path) -> None:
    """All values are commented out; taken in, they are the defaults."""
    text = default_file({})
    assert load(write(file, text), environment={}) == Settings()
    for row in rows(Settings()):
        assert f"\n# {row.key} = " in text
    taken_in = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    assert load(write(file, taken_in), environment={}) == Settings()


def test_every_setting_has_a_reason_and_every_number_a_unit() -> None:
    """O4: no limit is undocumented."""
    for row in rows(Settings()):
        assert len(row.reason) > 10, row.name
        assert row.unit or not isinstance(row.value, int), row.name


def test_names_are_written_into_the_file_that_is_there(file: Path) -> None:
    """`init --name` edits one line, whether it is commented out or not."""
    names = ("localhost", "chat.example.org")
    once = with_names(default_file({}), names)
    twice = with_names(once, (*names, "other.example.org"))
    assert load(write(file, once), environment={}).listen.names == names
    assert load(write(file, twice), environment={}).listen.names == (*names, "other.example.org")
    assert len(twice.splitlines()) == len(default_file({}).splitlines())
