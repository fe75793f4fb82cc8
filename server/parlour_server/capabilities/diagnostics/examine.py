"""Checks a server's data folder and reports what is dangerous, what could be better and what is fine.

It changes nothing and needs no running server. Every finding that is not "fine" says what to do. It reads the
whole database and every uploaded file.
"""

import hashlib
import os
import ssl
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from parlour_server.app.base_app import BaseApp
from parlour_server.app.capability import refuse_unserved, served_by
from parlour_server.app.finding import Finding, Level
from parlour_server.core.addresses import in_url, is_loopback, listen_address
from parlour_server.core.clock import SystemClock, utc_text
from parlour_server.core.config.server_settings import Settings
from parlour_server.core.data_folder import DataFolder
from parlour_server.core.errors import ParlourServerError, SetupError
from parlour_server.core.net.message_assembler import refuse_old_websockets
from parlour_server.core.net.tls_context import TlsFiles
from parlour_server.core.net.tls_groups import GROUP_LIST, HAS_HYBRID, operator_configures, taken_besides
from parlour_server.core.store.engine.connection import Engine
from parlour_server.core.store.engine.integrity import MOST
from parlour_server.core.store.engine.sqlite_engine import SqliteEngine
from parlour_server.host.config.settings_loader import load
from parlour_server.host.event_loops import fastest
from parlour_server.host.setup.certificate_chain import names_of
from parlour_server.host.setup.certificate_state import ends_soon
from parlour_server.host.setup.certificates import is_own, pin_of, read_certificate
from parlour_server.host.setup.open_store import engine_for
from parlour_server.host.setup.operator_record import INTERRUPTED, UNFINISHED, OperatorRecord
from parlour_server.host.setup.public_address import running, unknown_port


def examine(program: BaseApp[Any, Any], folder: DataFolder) -> tuple[list[Finding], Settings | None]:
    """Return the findings, and the current settings if they can be read."""
    problems = folder.problems()
    found = [Finding("danger", "files", problem) for problem in problems]
    if not folder.path.is_dir():
        return found, None
    found += _read_only(folder)
    if not problems:
        found.append(Finding("fine", "files", f"{folder.path} and its contents are private"))
    settings: Settings | None = None
    engine: Engine | None = None
    try:
        known: Settings = load(folder.settings, program.settings_type, program.name)
        settings = known
        refuse_unserved(program.capabilities, known)
        found += _listening(known, running(folder))
        if (warning := unknown_port(folder, known)) is not None:
            found.append(Finding("advice", "invite", warning))
        engine = engine_for(program, folder, known)
        program.schema.check(engine)
    except ParlourServerError as error:
        about = "configuration" if engine is None else "database"
        found.append(Finding("danger", about, str(error)))
        engine = None
    found += [*_certificate(folder), *program.findings(folder, engine)]
    if engine is not None and settings is not None:
        found += [
            *_database(program, engine),
            *_sessions(engine, settings),
            *_operator_log(folder, program.name.command),
        ]
    for served in served_by(program.capabilities):
        found += served.findings(folder, settings, engine) if served.findings is not None else ()
    if engine is not None and not any(finding.about == "uploads" for finding in found):
        found += _uploads(folder, engine)
    for one in program.installed:
        text = f"{one.capability.name} is of {one.package}, and has all the rights of the server"
        found.append(Finding("fine", "capabilities", text))
    found += [*_process(), *_libraries()]
    where = running(folder)
    found.append(
        Finding("fine", "server", f"runs on {in_url(where[0])}:{where[1]}" if where else "not running")
    )
    return found, settings


def _read_only(folder: DataFolder) -> list[Finding]:
    """Report what can't be written: the server would not start, or store nothing.

    For root, who can write everything, it reports what the owner may not write.
    """
    uploads = () if folder.uploads is None else (folder.path / folder.uploads.name,)
    places = [path for path in (folder.path, folder.database, *uploads) if path.exists()]
    effective = os.access in os.supports_effective_ids
    locked = [
        path
        for path in places
        if not os.access(path, os.W_OK, effective_ids=effective) or not path.stat().st_mode & stat.S_IWUSR
    ]
    if not locked:
        return []
    do = f"give its user the right to write to {folder.path} and all in it, or mount its disk for writing"
    return [Finding("danger", "files", f"{locked[0]} can't be written, which the server must; {do}")]


def _listening(settings: Settings, where: tuple[str, int] | None) -> list[Finding]:
    """Report who can connect, to the running server (whose flags may differ) or to the configured one."""
    configured = settings.listen.address
    host, port = where or listen_address(configured)
    shown = configured if where is None else f"{in_url(host)}:{port}"
    origin = "" if shown == configured else f" (set on the command line; the configuration says {configured})"
    found = []
    if is_loopback(host):
        found.append(Finding("fine", "listen", f"{shown}: only this machine can connect{origin}"))
    else:
        found.append(Finding("advice", "listen", f"{shown}: other machines can connect{origin}"))
        most = settings.connections.per_address
        text = (
            f"one address may have {most} connections, which an office or a school behind one address shares"
        )
        found.append(Finding("fine", "limits", f"{text}: raise connections.per_address if that is too few"))
    return found


def _certificate(folder: DataFolder) -> list[Finding]:
    try:
        tls = TlsFiles(folder.certificate, folder.key)
        leaf = read_certificate(folder.certificate)
    except ParlourServerError as error:
        return [Finding("danger", "certificate", str(error))]
    left = leaf.not_valid_after_utc - datetime.now(UTC)
    ends = f"expires on {leaf.not_valid_after_utc:%Y-%m-%d}"
    if left <= timedelta():
        return [Finding("danger", "certificate", f"it has expired ({ends}); `init` or your CA renews it")]
    level: Level = "advice" if ends_soon(leaf) else "fine"
    own = "our own CA" if is_own(folder, leaf) else "another CA"
    text = f"for {', '.join(names_of(leaf))}, by {own}, {ends}, pin {pin_of(leaf)}"
    return [Finding(level, "certificate", text), *_key_exchange(tls)]


def _key_exchange(tls: TlsFiles) -> list[Finding]:
    """Report the key exchange groups of the operator's OpenSSL configuration; `run` brings its own."""
    others = taken_besides(tls.context) if operator_configures() else []
    if not others:
        return []
    text = f"OPENSSL_CONF allows {', '.join(others)}; set Groups = {GROUP_LIST} in that file"
    return [Finding("advice", "tls", text)]


def _database(program: BaseApp[Any, Any], engine: Engine) -> list[Finding]:
    damaged = [Finding("danger", "database", sentence) for sentence in program.schema.damage(engine)]
    if isinstance(engine, SqliteEngine):
        where = "all of it readable"
        mend = f"restore a backup that `{program.name.command} backup verify` finds intact"
    else:
        where = f"{engine}"
        mend = "restore a dump from before into a new database (docs/how-to/cluster.md)"
    if damaged:
        return [*damaged, Finding("danger", "database", f"it is damaged: {mend}")]
    return [
        Finding("fine", "database", f"schema {program.schema.version}, {where}"),
        *_logs(engine),
    ]


def _logs(engine: Engine) -> list[Finding]:
    """Report the incarnation, which differs between a database and its restored backup."""
    found = engine.incarnation()
    if found is None:
        return []
    name, since = found
    day = datetime.fromtimestamp(since / 1000, UTC)
    return [Finding("fine", "logs", f"incarnation {name}, since {utc_text(day)}")]


def _sessions(engine: Engine, settings: Settings) -> list[Finding]:
    """Report sessions that are not bound to a key: anyone who copies the token of one can use it."""
    try:
        with closing(engine.connect_reader()) as db:
            live, keyed = db.execute(
                "SELECT count(*), count(public_key) FROM sessions WHERE expires > ?", (SystemClock().now(),)
            ).fetchall()[0]
    except engine.failures:
        return []  # the finding about the database reports it
    required = settings.logins.session_keys == "required"
    if live == keyed or required:
        refused = "; others are refused" if required else ""
        return [Finding("fine", "sessions", f"{keyed} are bound to a key{refused}")]
    text = f'{live - keyed} of {live} are not bound to a key; `logins.session_keys = "required"` refuses them'
    return [Finding("advice", "sessions", text)]


def _uploads(folder: DataFolder, engine: Engine) -> list[Finding]:
    """Compare every uploaded file with its record."""
    if folder.uploads is None:
        return []
    try:
        with closing(engine.connect_reader()) as db:
            recorded = folder.uploads.recorded(db, SystemClock().now())
    except engine.failures:
        return []  # the finding about the database reports it
    damaged = [
        f"the uploaded file {file} {why}"
        for file, size, sha256 in recorded
        if (why := _wrong_with(folder.path / folder.uploads.name / file, size, sha256))
    ]
    if not damaged:
        return [Finding("fine", "uploads", f"{len(recorded)} files are intact")]
    shown = damaged[:MOST]
    if len(damaged) > len(shown):
        shown.append(f"{len(damaged) - len(shown)} more files are damaged or missing")
    return [Finding("danger", "uploads", f"{sentence}; look for it in a backup") for sentence in shown]


def _operator_log(folder: DataFolder, command: str) -> list[Finding]:
    """Report commands that did not finish, until the server has their records."""
    try:
        waiting = OperatorRecord(folder.operator_record).waiting()
    except OSError as error:
        return [Finding("danger", "commands", f"{folder.operator_record}: {error.strerror}")]
    return [
        Finding(
            "advice",
            "commands",
            f"`{command} {action['action']}` by {action.get('by')} at {action.get('at')} did not finish, and"
            " is perhaps done: look, and run it again if it is not",
        )
        for action in waiting
        if action["outcome"] in {UNFINISHED, INTERRUPTED}
    ]


def _wrong_with(path: Path, size: int, sha256: bytes) -> str:
    try:
        with path.open("rb") as data:
            if os.fstat(data.fileno()).st_size != size:
                return "has a different size than when it was uploaded"
            return (
                "" if hashlib.file_digest(data, "sha256").digest() == sha256 else "is not what was uploaded"
            )
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def _process() -> list[Finding]:
    if os.geteuid() != 0:
        return []
    return [Finding("advice", "user", "run the server as its own user, not as root")]


def _libraries() -> list[Finding]:
    found = []
    try:
        refuse_old_websockets(version("websockets"))
    except SetupError as error:
        found.append(Finding("danger", "websockets", str(error)))
    if HAS_HYBRID:
        text = f"TLS 1.3 only, X25519MLKEM768 offered first ({ssl.OPENSSL_VERSION})"
        found.append(Finding("fine", "tls", text))
    else:
        text = f"TLS 1.3 only; {ssl.OPENSSL_VERSION} has no post-quantum key exchange, OpenSSL 3.5 has"
        found.append(Finding("advice", "tls", text))
    loop = fastest()
    if loop.slower_because:
        found.append(Finding("advice", "event loop", f"{loop.name}: {loop.slower_because}"))
    else:
        found.append(Finding("fine", "event loop", f"{loop.name}: uvloop, with OpenSSL called by aiofastnet"))
    return found
