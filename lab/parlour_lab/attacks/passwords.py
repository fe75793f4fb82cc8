"""Group P: passwords, and who guesses them."""

import re
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

from parlour_lab.attack import Evidence, Stage, attack
from parlour_lab.target import STRANGER, LabServer
from parlour_lab.wire import PASSWORD, Answer, ServerAddress

_WRONG: Final = "another-violin-marble"
_CREATED: Final = 201


def _login(
    server: ServerAddress, user: str, password: str, seen: Evidence, *, source: str = STRANGER
) -> Answer:
    body = {"username": user, "password": password, "device": "probe"}
    answer = server.api("POST", "/v1/sessions", body, source=source)
    seen.sent(f"a login as {user} from {source}")
    seen.received(answer)
    return answer


@attack(
    "Cracking the password hashes of a stolen database",
    expects="Each guess costs 64 MiB of memory and three passes, and no two hashes have one salt.",
)
def offline_cracking(server: LabServer, seen: Evidence) -> bool:
    server.newcomer("trent")
    database = f"file:{server.data / 'parlour.db'}?mode=ro"
    with closing(sqlite3.connect(database, uri=True)) as db:
        hashes = [row[0] for row in db.execute("SELECT password_hash FROM accounts WHERE account = 'trent'")]
    found = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$", hashes[0])
    seen.observed(hashes[0][:34])
    return found is not None and int(found[1]) >= 65_536 and int(found[2]) >= 3


@attack(
    "An account with a password of eight characters, and with one of fifteen letters and no digit",
    expects="The short one is refused, and only that one.",
)
def short_password(server: LabServer, seen: Evidence) -> bool:
    return _is_refused(server, "xK9$vQ2m", seen) and not _is_refused(server, "tigressviolinmarble", seen)


@attack(
    "Accounts with passwords that every attacker tries first",
    expects="Each is refused, with a reason.",
)
def common_password(server: LabServer, seen: Evidence) -> bool:
    usual = ("Password12345678", "qwertyuiopasdfgh", "Summer2026Summer2026", "parlourparlour123")
    refused = [_is_refused(server, password, seen) for password in usual]
    return all(refused)


def _is_refused(server: LabServer, password: str, seen: Evidence) -> bool:
    user = f"probe{time.monotonic_ns() % 10**9}"
    body = {"invite": server.invite_code, "username": user, "password": password}
    answer = server.api("POST", "/v1/accounts", body)
    seen.sent(f"an account with the password {password!r}")
    seen.received(answer)
    return answer.status != _CREATED


@attack(
    "Learning from the answers, and from how long they take, which names have an account",
    expects="A wrong password and an unknown name get the same bytes after the same time.",
)
def user_enumeration(server: LabServer, seen: Evidence) -> bool:
    answers: dict[str, set[Answer]] = {}
    quickest: dict[str, float] = {}
    for number in range(3):
        for user in ("ben", f"nobody-{number}"):
            kind = "known" if user == "ben" else "unknown"
            start = time.monotonic()
            answer = _login(server, user, _WRONG, seen, source=f"127.0.0.{70 + number}")
            took = time.monotonic() - start
            answers.setdefault(kind, set()).add(answer)
            quickest[kind] = min(took, quickest.get(kind, took))
    seen.observed(", ".join(f"{kind}: {seconds * 1000:.0f} ms" for kind, seconds in quickest.items()))
    same = len(answers["known"] | answers["unknown"]) == 1
    return same and quickest["unknown"] > quickest["known"] / 4


@attack(
    "Guessing at one account, thirty times",
    expects="After ten failures each further guess has to wait, and the waits double.",
)
def guessing(server: LabServer, seen: Evidence) -> bool:
    answers = [_login(server, "victor", f"{_WRONG}-{number}", seen) for number in range(30)]
    checked = sum(answer.status == 401 for answer in answers)
    seen.observed(f"{checked} of 30 guesses were checked")
    return checked <= 10


@attack(
    "Connecting with a stolen token from four addresses, and guessing at the password from each",
    expects="After five failures in all each further guess has to wait: a token makes no address familiar.",
    settings="""
[logins]
failures_per_account = 5
failures_per_address = 1000
[rates]
http_per_minute = 100000
http_burst = 10000
""",
)
def guessing_with_a_token(server: LabServer, seen: Evidence) -> bool:
    stolen, checked = server.newcomer("vera"), 0
    for number in range(4):
        source = f"127.0.0.{90 + number}"
        with server.chatting(stolen, source=source):
            seen.sent(f"a connection from {source}")
        answers = [_login(server, "vera", f"{_WRONG}-{number}", seen, source=source) for number in range(6)]
        checked += sum(answer.status == 401 for answer in answers)
    seen.observed(f"{checked} of 24 guesses were checked")
    return checked <= 5


@attack(
    "Sixteen logins at once, to keep the server busy with password hashes",
    expects="Most are refused without one, and someone else is served meanwhile.",
    settings="""
[logins]
hash_threads = 1
hash_queue = 8
hash_queue_per_address = 4
failures_per_address = 1000
[rates]
http_per_minute = 100000
http_burst = 10000
""",
)
def hash_flood(server: LabServer, seen: Evidence) -> bool:
    def refused(number: int) -> bool:
        try:
            return _login(server, f"nobody-{number}", _WRONG, Evidence()).status != 401
        except TimeoutError:
            return False  # it waits for its turn

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(refused, range(16)))
    seen.sent(f"16 logins with 16 names from {STRANGER}")
    seen.received(f"{sum(outcomes)} were refused without a hash")
    return sum(outcomes) >= 8


@attack(
    "Someone who stole a session changes the password, to keep the owner out",
    expects="Without the old password it is refused, and the owner still logs in.",
)
def stolen_session(server: LabServer, seen: Evidence) -> bool:
    session = server.newcomer("oscar")
    headers = {"Authorization": f"Bearer {session}"}
    body = {"old": _WRONG, "new": "harbour-lantern-quartz"}
    seen.sent("a change of the password with a wrong old one")
    answer = server.api("POST", "/v1/password", body, headers)
    seen.received(answer)
    owner = _login(server, "oscar", PASSWORD, seen)
    return answer.status >= 400 and owner.status == _CREATED


@attack(
    "The accounts that come with other programs, and an account without an invite",
    expects="There is none to log in to, and none is made.",
    stage=Stage.OWN_SERVER,
)
def default_accounts(server: LabServer, seen: Evidence) -> bool:
    for user in ("admin", "root", "server", "parlour"):
        for password in (user, "admin", "password", "changeme"):
            if _login(server, user, password, seen, source="127.0.0.80").status == _CREATED:
                return False
    for invite in ("", "A" * 43):
        body = {"invite": invite, "username": "walter", "password": PASSWORD}
        answer = server.api("POST", "/v1/accounts", body)
        seen.sent(f"an account with the invite {invite!r}")
        seen.received(answer)
        if answer.status == _CREATED:
            return False
    return True


@attack(
    "A password on a command line, where every program of the machine can read it",
    expects="No option takes one.",
    stage=Stage.UNIT,
)
def password_in_arguments(folder: Path, seen: Evidence) -> bool:
    typed = ["login", "localhost:1", "--username", "ada", "--password", "CANARY-violin-marble"]
    seen.sent(f"parlour {' '.join(typed)}")
    command = [sys.executable, "-m", "parlour_client", "--home", str(folder), *typed]
    done = subprocess.run(  # noqa: S603 - our own client
        command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
    )
    seen.received(done.stderr)
    return "No such option" in done.stderr
