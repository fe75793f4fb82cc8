"""Tests mirror the sources: a module of the client's core has its test file, or says which file tests it."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CORE = ROOT / "client" / "parlour_client" / "core"
TESTS = ROOT / "tests" / "client" / "core"

TESTED_BY = {
    # values and types
    "clock.py": "core_fake.py",
    "events.py": "test_event_bus.py",
    "model.py": "test_history.py",
    "transport/wire.py": "core_fake.py",
    # only a whole client shows what they do
    "engine.py": "test_client.py",
    "parts.py": "test_client.py",
    "transport/live_connection.py": "test_client.py",
    "sync/publisher.py": "receive/test_receiver.py",
    "sync/room_store.py": "receive/test_dispatcher.py",
    "files.py": "e2ee/test_chat.py",
    "rooms.py": "e2ee/test_orchestration.py",
    # only a real server shows what they do
    "account/profile.py": "test_connection.py",
    "account/sign_in.py": "../../e2e/test_first_contact.py",
    "sessions.py": "../../e2e/oracle/fields.py",
    "transport/delivery_client.py": "../../e2e/test_key_packages.py",
    # functions over a connection, tested where they are called
    "archive/alarms.py": "e2ee/identity/test_key_log.py",
    "archive/certificate_facts.py": "e2ee/identity/test_key_trust.py",
    "archive/divergence.py": "receive/test_rollback.py",
    "archive/encryption_schema.py": "archive/test_schema.py",
    "archive/history_parts.py": "e2ee/messages/test_history_transfer.py",
    "archive/key_log_copy.py": "e2ee/identity/test_key_log.py",
    "archive/key_pins.py": "e2ee/identity/test_key_trust.py",
    "archive/known_rooms.py": "archive/test_archive.py",
    "archive/numbering_table.py": "receive/test_rollback.py",
    "archive/outbox_table.py": "outbox/test_outbox.py",
    "archive/own_keys.py": "e2ee/identity/test_enrolment.py",
    "archive/rows.py": "archive/test_events.py",
    "archive/saved_preferences.py": "test_preferences.py",
    "archive/search_index.py": "archive/test_search.py",
    "archive/stored_values.py": "test_messages.py",
    "archive/threads.py": "test_history.py",
}


def test_every_module_of_the_core_has_its_test() -> None:
    """A file without one is named above, with the file whose tests fail when it breaks."""
    modules = {
        path.relative_to(CORE).as_posix()
        for path in CORE.rglob("*.py")
        if path.name != "__init__.py" and "e2ee" not in path.parts
    }
    without = {name for name in modules if not (TESTS / name).with_name(f"test_{Path(name).name}").exists()}
    assert without == set(TESTED_BY)
    assert [name for name in TESTED_BY.values() if not (TESTS / name).exists()] == []
