"""Tests mirror the sources: each module of the client's core and kit has its test file, or says which."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "client" / "parlour_client" / "core"
TESTS = ROOT / "tests" / "client" / "core"
KIT = ROOT / "client" / "parlour_client" / "kit"
KIT_TESTS = ROOT / "tests" / "client" / "kit"

TESTED_BY = {
    # values and types
    "errors.py": "outbox/test_outbox.py",
    "events.py": "../kit/test_event_bus.py",
    "model.py": "test_history.py",
    "setting.py": "test_settings.py",
    # only a whole client shows what they do
    "engine.py": "test_client.py",
    "sync/room_store.py": "receive/test_dispatcher.py",
    "files.py": "e2ee/test_chat.py",
    "rooms.py": "e2ee/test_orchestration.py",
    # only a real server shows what they do
    "account/saved_profile.py": "transport/test_connection.py",
    "account/sign_in.py": "../../e2e/test_first_contact.py",
    "sessions.py": "../../e2e/oracle/fields.py",
    "transport/delivery_client.py": "../../e2e/test_key_packages.py",
    # functions over a connection, tested where they are called
    "archive/alarms.py": "e2ee/identity/test_key_log.py",
    "archive/closed_claims.py": "../../hostile/test_membership.py",
    "archive/divergence.py": "receive/test_rollback.py",
    "archive/drafts.py": "test_messages.py",
    "archive/history_parts.py": "e2ee/messages/test_history_transfer.py",
    "archive/key_log_copy.py": "e2ee/identity/test_key_log.py",
    "archive/key_pins.py": "e2ee/identity/test_key_trust.py",
    "archive/known_people.py": "../cli/test_known_names.py",
    "archive/outbox_table.py": "outbox/test_outbox.py",
    "archive/own_keys.py": "e2ee/identity/test_enrolment.py",
    "archive/rows.py": "archive/test_events.py",
    "archive/saved_preferences.py": "test_preferences.py",
    "archive/search_index.py": "archive/test_search.py",
    "archive/stored_values.py": "test_messages.py",
    "archive/threads.py": "test_history.py",
}


KIT_TESTED_BY = {
    # values and types
    "clock.py": "../core/core_fake.py",
    "connection_status.py": "transport/test_reconnector.py",
    "transport/frame_socket.py": "../core/core_fake.py",
    "account/entrance.py": "widgets/test_login_screen.py",
    # only a whole client shows what they do
    "account/profile.py": "../core/transport/test_connection.py",
    "transport/conversation.py": "../core/transport/test_chat_conversation.py",
    "transport/http_exchange.py": "transport/test_websocket.py",
    "transport/session.py": "transport/test_websocket.py",
    # only a real server shows what they do
    "demo_server.py": "../../e2e/test_demo.py",
    "account/dial.py": "../../e2e/test_contract.py",
    "account/sign_in.py": "../../e2e/test_first_contact.py",
    "account/security_key.py": "account/test_second_factor.py",
    "console/second_factor.py": "account/test_second_factor.py",
    "testing.py": "../../../examples/ticker/tests/test_screen.py",
    "widgets/problem_line.py": "../../../examples/ticker/tests/test_screen.py",
    # only a screen shows what they do
    "terminal/guard.py": "../../e2e/test_terminal_oracle.py",
    "terminal/safe_app.py": "terminal/test_crash.py",
    "widgets/key_ordering.py": "../ui/chat/test_keys_to_composer.py",
    "qr_code.py": "widgets/test_second_factor.py",
}


def modules_without_tests(package: Path, tests: Path) -> set[str]:
    """Return the modules of a package, by their paths in it, that have no test file at the same place."""
    modules = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if path.name != "__init__.py"
    }
    return {name for name in modules if not (tests / name).with_name(f"test_{Path(name).name}").exists()}


def test_every_module_of_the_core_has_its_test() -> None:
    """A file without one is named above, with the file whose tests fail when it breaks."""
    without = {name for name in modules_without_tests(CORE, TESTS) if not name.startswith("e2ee/")}
    assert without == set(TESTED_BY)
    assert [name for name in TESTED_BY.values() if not (TESTS / name).exists()] == []


def test_every_module_of_the_kit_has_its_test() -> None:
    """The same for what every client shares."""
    assert modules_without_tests(KIT, KIT_TESTS) == set(KIT_TESTED_BY)
    assert [name for name in KIT_TESTED_BY.values() if not (KIT_TESTS / name).exists()] == []
