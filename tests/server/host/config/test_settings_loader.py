"""Configuration in three layers, and the sentences for what is wrong in it."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parlour_server.chat.name import NAME
from parlour_server.chat.program import CHAT
from parlour_server.chat.settings import ChatSettings
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.config.settings_table import rows
from parlour_server.core.errors import SetupError
from parlour_server.host.config.settings_file import default_file, with_values
from parlour_server.host.config.settings_loader import load

_VARIABLES = [f"PARLOUR_{row.section}_{row.key}".upper() for row in rows(CHAT.settings_type())]


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
    settings = load(file, CHAT.settings_type, NAME, environment={})
    assert settings == CHAT.settings_type()
    assert settings.listen.address.startswith("127.0.0.1:")
    assert settings.listen.metrics == ""


def test_flags_go_before_the_environment_and_that_before_the_file(file: Path) -> None:
    """Each layer hides what is below, key by key."""
    write(file, '[listen]\naddress = "127.0.0.1:1"\nmetrics = "127.0.0.1:9"\n[logins]\nidle_days = 3\n')
    environment = {"PARLOUR_LISTEN_ADDRESS": "127.0.0.1:2", "PARLOUR_LOGINS_IDLE_DAYS": "4"}
    settings = load(
        file, CHAT.settings_type, NAME, environment=environment, flags={"listen.address": "127.0.0.1:3"}
    )
    assert settings.listen.address == "127.0.0.1:3"
    assert settings.listen.metrics == "127.0.0.1:9"
    assert settings.logins.idle_days == 4


def test_a_list_in_the_environment_is_separated_by_commas(file: Path) -> None:
    """PARLOUR_LISTEN_NAMES=a, b"""  # noqa: D400 - an example
    settings = load(
        file, CHAT.settings_type, NAME, environment={"PARLOUR_LISTEN_NAMES": "a.example, b.example"}
    )
    assert settings.listen.names == ("a.example", "b.example")


def test_other_variables_in_the_environment_are_ignored(file: Path) -> None:
    """The client's variables, and the test suite's, are not settings."""
    names = ("HOME", "DATA", "DEBUG", "VECTORS", "FUTURE_THING")
    environment = {"PATH": "/bin", **{f"PARLOUR_{name}": "/x" for name in names}}
    assert load(file, CHAT.settings_type, NAME, environment=environment) == CHAT.settings_type()


def test_a_server_that_lacks_what_it_would_share_with_others_does_not_start(file: Path) -> None:
    """In the environment, where others' variables are ignored, and in the file."""
    with pytest.raises(SetupError, match="PARLOUR_BUS_URL is in the environment, but this server lacks"):
        load(file, Settings, NAME, environment={"PARLOUR_BUS_URL": "nats://localhost"})
    with pytest.raises(SetupError, match="this server lacks the capability that has the section database"):
        load(file, Settings, NAME, environment={"PARLOUR_DATABASE_URL": "postgresql:///parlour"})
    with pytest.raises(SetupError, match="line 1: this server lacks the capability that has the section bus"):
        load(write(file, "[bus]\nurl = ''\n"), Settings, NAME, environment={})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[listn]\n", "unknown section [listn]; did you mean listen?"),
        ("[connections]\ntotle = 5\n", "unknown setting connections.totle; did you mean total?"),
        ("[connections]\ntotal = 'many'\n", "connections.total: Expected int, got str"),
        ("[connections]\ntotal = 0\n", "connections.total: Expected int >= 1"),
        ("[logins]\nticket_seconds = 31\n", "logins.ticket_seconds: Expected int <= 30"),
        ("listen = 5\n", "listen is a section"),
        ("total = \n", "invalid TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_key_and_expectation(file: Path, text: str, sentence: str) -> None:
    """A typing error must not silently be the default."""
    with pytest.raises(SetupError) as found:
        load(write(file, text), CHAT.settings_type, NAME, environment={})
    assert sentence in str(found.value)
    assert str(file) in str(found.value)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PARLOUR_CONNECTIONS_TOTAL", "many", "PARLOUR_CONNECTIONS_TOTAL in the environment must be a whole"),
        ("PARLOUR_CONNECTIONS_TOTLE", "5", "PARLOUR_CONNECTIONS_TOTLE in the environment is not a setting"),
        ("PARLOUR_LOGINS_TICKET_SECONDS", "31", "the environment: logins.ticket_seconds: Expected int <= 30"),
        ("PARLOUR_CONNECTIONS_TOTAL", "1" * 5000, "PARLOUR_CONNECTIONS_TOTAL in the environment must be a"),
        ("PARLOUR_LISTEN_NAMES", "a.example,b\nc", "PARLOUR_LISTEN_NAMES in the environment: listen.names: "),
        ("PARLOUR_LISTEN_ADDRESS", "h:" + "1" * 5000, "PARLOUR_LISTEN_ADDRESS in the environment"),
    ],
)
def test_a_wrong_variable_is_refused_by_its_name(file: Path, name: str, value: str, sentence: str) -> None:
    """The sentence names the variable."""
    with pytest.raises(SetupError) as found:
        load(file, CHAT.settings_type, NAME, environment={name: value})
    assert sentence in str(found.value)


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("[connections]\n\ntotal = 'many'\n", 3, "connections.total: Expected int"),
        ("# a comment\nconnections.total = 0\n", 2, "connections.total: Expected int >= 1"),
        ("[connections]\ntotal = 5\n[rates]\nmessage_burst = 0\n", 4, "rates.message_burst: Expected"),
        ("[connections]\n# more\ntotle = 5\n", 3, "unknown setting connections.totle"),
        ("\n[listn]\n", 2, "unknown section [listn]"),
        ("[connections]\ntotal = " + "1" * 5000 + "\n[rates]\n", 2, "a number with too many digits"),
        ("[rates]\n\nhttp_burst = 0x" + "f" * 5000 + "\n", 3, "rates.http_burst is too large"),
        ("[rates]\nhttp_burst = 1000000000000001\n", 2, "rates.http_burst is too large: at most 1,000,"),
        ("[rates]\nhttp_burst = -1" + "0" * 60 + "\n", 2, "rates.http_burst is too large"),
        ("[listen]\n\nnames = " + "[" * 5000 + "\n", 3, "nested too deeply"),
        ("[listen]\nnames = [\n'a',\n" + "[" * 5000 + "\n", 4, "nested too deeply"),
        ('[listen]\nnames = ["localhost", "evil\\nexample"]\n', 2, "'evil\\nexample' is not a host name"),
        ('[listen]\nnames = ["schön.example"]\n', 2, "xn--"),
        ('[listen]\nnames = ["a..b"]\n', 2, "not a host name; write one like chat.example.org"),
        ('[listen]\nnames = ["[::1"]\n', 2, "'[::1' is not a host name"),
        ('[listen]\nnames = ["chat.example:70000"]\n', 2, "no valid port; write one from 1 to 65535"),
        ('[listen]\nnames = ["[2001:db8::7]:0"]\n', 2, "no valid port"),
        ('[listen]\nnames = ["[fe80::7%eth0]:443"]\n', 2, "has a zone"),
        ('[listen]\nnames = [""]\n', 2, "not a host name"),
        ("[listen]\nnames = []\n", 2, "not a host name"),
        ('[listen]\naddress = "somewhere"\n', 2, "listen.address: 'somewhere' is not an address"),
        ('[listen]\naddress = "a..b:1"\n', 2, "listen.address: 'a..b' is not a host name"),
        ('[listen]\nmetrics = "127.0.0.1:70000"\n', 2, "listen.metrics: "),
        ('[listen]\norigins = ["https://a b"]\n', 2, "listen.origins: 'a b' is not a host name"),
        ('[listen]\norigins = ["https://a/"]\n', 2, "listen.origins: 'https://a/' has more than a host"),
        (
            '[listen]\naddress = "0.0.0.0:1"\norigins = ["http://localhost"]\n',
            3,
            "'http://localhost' is not encrypted",
        ),
        ('[listen]\nproxies = ["everyone"]\n', 2, "listen.proxies: 'everyone' is not an address"),
        ('[log]\nlevel = "error"\n', 2, "log.level: "),
        ("[listen]\n[listen]\n", 2, "invalid TOML"),
    ],
)
def test_a_sentence_with_file_and_line(file: Path, text: str, line: int, sentence: str) -> None:
    """L23: also for what ends Python's own parser, and for a text without a meaning."""
    with pytest.raises(SetupError) as found:
        load(write(file, text), CHAT.settings_type, NAME, environment={})
    assert str(found.value).startswith(str(file))
    assert re.search(rf"line {line}\b", str(found.value))
    assert sentence in str(found.value)
    assert str(found.value).isprintable()


@pytest.mark.parametrize("section", ["shelves", "bus", "database"])
def test_a_section_in_which_nothing_is_set_may_be_that_of_a_capability_that_is_gone(
    file: Path, section: str
) -> None:
    """`init` writes its header and comments; nothing was chosen there that a server would ignore."""
    bare = write(file, f'[{section}]\n# url = ""\n[listen]\naddress = "127.0.0.1:9"\n')
    assert load(bare, Settings, NAME, environment={}).listen.address == "127.0.0.1:9"
    with pytest.raises(SetupError, match=section):
        load(write(file, f'[{section}]\nurl = ""\n'), Settings, NAME, environment={})


def test_the_file_that_init_wrote_fits_a_server_from_which_capabilities_were_taken_out(file: Path) -> None:
    """It has a header for each of their sections."""
    text = default_file(CHAT.settings_type(), NAME, {"listen.address": "127.0.0.1:9"})
    assert load(write(file, text), ChatSettings, NAME, environment={}).listen.address == "127.0.0.1:9"


def test_bytes_that_are_no_text(file: Path) -> None:
    """L23: the line is named here, too."""
    file.write_bytes(b"[listen]\nnames = ['\xff']\n")
    file.chmod(0o600)
    with pytest.raises(SetupError, match="line 2: this is not UTF-8"):
        load(file, CHAT.settings_type, NAME, environment={})


def test_a_file_without_an_end(file: Path) -> None:
    """L23: what is far too long is not read to its end."""
    with pytest.raises(SetupError, match="1,048,576 bytes"):
        load(write(file, "#" * 1_048_577), CHAT.settings_type, NAME, environment={})


_NAMES = ["listen", "connections", "names", "address", "total", "origins", "proxies", "metrics", "listn"]
_ODD = ["true", "[", "]", "{", "'" * 3, '"', "0x" + "f" * 5000, "[" * 2000, "{a=" * 2000, "1979-05-27"]
_VALUES = st.recursive(
    st.integers().map(str)
    | st.integers(4290, 5000).map(lambda digits: "9" * digits)
    | st.floats().map(str)
    | st.text(max_size=20).map(json.dumps)
    | st.sampled_from(_ODD),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]"),
    max_leaves=5,
)
_LINES = (
    st.sampled_from(_NAMES).map(lambda name: f"[{name}]")
    | st.tuples(st.sampled_from(_NAMES), _VALUES).map(" = ".join)
    | st.tuples(st.sampled_from(_NAMES), st.sampled_from(_NAMES), _VALUES).map(
        lambda parts: f"{parts[0]}.{parts[1]} = {parts[2]}"
    )
    | st.text(max_size=30)
)


@given(st.lists(_LINES, max_size=8).map("\n".join))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_file_is_settings_or_a_sentence(file: Path, text: str) -> None:
    """L23: whatever is in it, it never ends in an error of Python, and the sentence is printable."""
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    file.chmod(0o600)
    sentence = refusal(file, {})
    assert sentence is None or (
        sentence.startswith(str(file)) and sentence.isprintable() and len(sentence) < 1000
    )


@given(st.dictionaries(st.sampled_from(_VARIABLES), st.text(max_size=30) | st.integers().map(str)))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_any_environment_is_settings_or_a_sentence(file: Path, environment: dict[str, str]) -> None:
    """L23: the same for variables."""
    sentence = refusal(file, environment)
    assert sentence is None or ("PARLOUR_" in sentence and sentence.isprintable())


def refusal(file: Path, environment: dict[str, str]) -> str | None:
    """Return the sentence with which a configuration is refused; None for a good one."""
    try:
        load(file, CHAT.settings_type, NAME, environment=environment)
    except SetupError as error:
        return str(error)
    return None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    """O2: anyone who can write it could open the server to the world."""
    write(file, "").chmod(mode)
    with pytest.raises(SetupError, match=r"users can write .*`chmod 600"):
        load(file, CHAT.settings_type, NAME, environment={})


def test_the_file_that_init_writes_shows_every_setting_and_changes_none(file: Path) -> None:
    """All values are commented out; taken in, they are the defaults."""
    text = default_file(CHAT.settings_type(), NAME, {})
    assert load(write(file, text), CHAT.settings_type, NAME, environment={}) == CHAT.settings_type()
    for row in rows(CHAT.settings_type()):
        assert f"\n# {row.key} = " in text
    taken_in = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    assert load(write(file, taken_in), CHAT.settings_type, NAME, environment={}) == CHAT.settings_type()


def test_every_setting_has_a_reason_and_every_number_a_unit() -> None:
    """O4: no limit is undocumented."""
    for row in rows(CHAT.settings_type()):
        assert len(row.reason) > 10, row.name
        assert row.unit or not isinstance(row.value, int), row.name


def test_names_are_written_into_the_file_that_is_there(file: Path) -> None:
    """`init --name` edits one line, whether it is commented out or not."""
    names = ("localhost", "chat.example.org", "[2001:db8::7]:443")
    once = with_values(default_file(CHAT.settings_type(), NAME, {}), {"listen.names": names})
    twice = with_values(once, {"listen.names": (*names, "other.example.org")})
    assert load(write(file, once), CHAT.settings_type, NAME, environment={}).listen.names == names
    assert load(write(file, twice), CHAT.settings_type, NAME, environment={}).listen.names == (
        *names,
        "other.example.org",
    )
    assert len(twice.splitlines()) == len(default_file(CHAT.settings_type(), NAME, {}).splitlines())
