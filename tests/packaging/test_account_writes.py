"""P31: no account is changed without an ``Authority``, and no request is the operator's."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

SERVER: Final = Path(__file__).parents[2] / "server" / "parlour_server"
TABLES: Final = (
    "accounts",
    "sessions",
    "second_factors",
    "recovery_codes",
    "factor_challenges",
    "invites",
    "account_keys",
    "devices",
    "key_packages",
    "inbox",
)
WRITES: Final = re.compile(rf"\b(INSERT INTO|UPDATE|DELETE FROM)\s+({'|'.join(TABLES)})\b")
WITHOUT: Final = {
    "capabilities/second_factors/right_answer.py:RightAnswer.use": "it is a part of the decision",
    "testing/attacks.py:test_password_that_is_not_enough": "it prepares an attack",
    "core/accounts/tables/accounts.py:_create": "an invite decides, in the same transaction",
    "core/accounts/tables/accounts.py:Accounts.add_pseudonym": "an account that nobody has, by a command",
    "core/accounts/tables/accounts.py:_end_invites": "of the change of who made them, which has one",
    "core/accounts/tables/accounts.py:_add_invites": "of no account: a command, or invite, which has one",
    "core/accounts/tables/accounts.py:Accounts.revoke_invite": "of no account, by a command",
    "capabilities/second_factors/store.py:FactorStore.take_challenge": "who has one may use it up",
    "core/accounts/tables/sessions.py:SessionStore.touch": "when it was seen",
    "chat/delivery/table_facts.py:use_up_key_packages": "of a restored backup, by a command",
    "chat/capabilities/chat_personal_data/store.py:_close_devices": "of a deletion, by a command",
    "chat/delivery/tables/device_rows.py:see_devices": "when it was seen",
    "chat/delivery/tables/key_package_rows.py:_take": "another account's, for one that may add its device",
    "chat/delivery/tables/welcome_rows.py:keep_welcome": "an effect of an event",
    "chat/delivery/tables/welcome_rows.py:drop_one_of": "an effect of an event",
    "chat/delivery/tables/welcome_rows.py:drop_all_of": "an effect of an event",
    "chat/delivery/tables/welcome_rows.py:drop_for": "of a device that ends",
    "chat/delivery/tables/key_package_rows.py:_drop": "of put_packages, which has one",
}
"""Functions that write to these tables without one, and why."""


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SERVER.rglob("*.py")):
        if "migrations" not in path.parts:
            yield str(path.relative_to(SERVER)), ast.parse(path.read_text(encoding="utf-8"))


def _texts(node: ast.AST) -> str:
    parts = [
        one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    return " ".join(parts)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield functions of the module and methods of its classes, each with what is nested in it."""
    for node in tree.body:
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for each in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                yield owner + each.name, each


def _has_authority(function: ast.AST) -> bool:
    return any(
        isinstance(one, ast.arg) and one.annotation is not None and ast.unparse(one.annotation) == "Authority"
        for one in ast.walk(function)
    )


def _docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return ast.get_docstring(function, clean=False) or ""


def _writers() -> Iterator[tuple[str, bool]]:
    """Yield the functions that write to an account's tables, and whether they have an ``Authority``."""
    for file, tree in _sources():
        constants = {
            target.id
            for node in tree.body
            if isinstance(node, ast.AnnAssign | ast.Assign) and WRITES.search(_texts(node))
            for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
            if isinstance(target, ast.Name)
        }
        for name, function in _functions(tree):
            text = _texts(function).replace(_docstring(function), "")
            used = {one.id for one in ast.walk(function) if isinstance(one, ast.Name)}
            if WRITES.search(text) or used & constants:
                yield f"{file}:{name}", _has_authority(function)


def test_every_write_has_an_authority() -> None:
    """Whoever adds one meets this test, and says why it needs none, or takes one."""
    found = dict(_writers())
    assert "core/accounts/tables/sessions.py:end_found" in found
    assert sorted(name for name, has in found.items() if not has) == sorted(WITHOUT)


def test_an_authority_is_made_where_it_decides() -> None:
    """Only ``authorised`` makes one, and the end of the session that a login replaces."""
    makers = {
        f"{file}:{name}"
        for file, tree in _sources()
        for name, function in _functions(tree)
        if any(
            isinstance(one, ast.Call) and ast.unparse(one.func) == "Authority" for one in ast.walk(function)
        )
    }
    assert makers == {
        "core/accounts/tables/authority.py:authorised",
        "core/accounts/tables/sessions.py:SessionStore.create",
    }


@pytest.mark.parametrize("name", ["ByOperator", "add_invite", "revoke_invite", "add_pseudonym"])
def test_no_request_is_the_operators(name: str) -> None:
    """Only commands, what `init` makes, and a check of the server's own that ends sessions."""
    users = {
        file
        for file, tree in _sources()
        if any(
            isinstance(one, ast.Call) and ast.unparse(one.func).split(".")[-1] == name
            for one in ast.walk(tree)
        )
    }
    assert users
    commands = re.compile(r"(.+/)?cli/.+|(chat/)?capabilities/\w+/commands\.py")
    assert {file for file in users if not commands.fullmatch(file)} <= {
        "chat/first_run.py",
        "capabilities/oidc/store.py",
    }
