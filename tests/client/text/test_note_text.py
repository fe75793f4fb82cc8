"""Notes that the archive keeps in English are shown in the language in use."""

from collections.abc import Iterator

import pytest

from parlour_client.core.archive.divergence import BACK
from parlour_client.core.model import BEFORE_JOIN, Entry, Note, NoteKind
from parlour_client.kit.language import language
from parlour_client.text.event_text import event_sentence
from parlour_client.text.note_text import note_words
from parlour_protocol.frames.bodies import Joined, RoleSet
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis, Seq
from parlour_protocol.kit.names import parse_device_name, parse_user_name
from parlour_protocol.rooms import Role

BEN, BOX = parse_user_name("ben"), parse_device_name("box")


@pytest.fixture(autouse=True)
def german() -> Iterator[None]:
    """Use German until the test has ended."""
    language.use(["de"])
    yield
    language.use([])


def entry(note: Note | None = None, trouble: str = "") -> Entry:
    """Return a row of a room."""
    return Entry(RoomId("r" * 22), Millis(0), BEN, BOX, Joined(), seq=Seq(3), note=note, trouble=trouble)


def test_what_was_noted_is_translated_where_it_is_shown() -> None:
    """A note, why something can't be read, and both; what is no sentence of ours stays as it is."""
    assert note_words(entry(Note(NoteKind.ROLLED_BACK, detail=BACK))).startswith("Der Server hat eine Weile")
    assert note_words(entry(trouble=BEFORE_JOIN)).startswith("Nachrichten von vor dem Beitritt")
    assert note_words(entry(trouble="It is about a message that is not here.")).endswith(
        "Es geht um eine Nachricht, die nicht hier ist."
    )
    assert note_words(entry(Note(NoteKind.FORGED, detail="anything"))).endswith("nicht beweist: anything")


def test_what_happened_is_a_whole_sentence() -> None:
    """Names stand where the language wants them."""
    assert (
        event_sentence(BEN, RoleSet(who=BEN, role=Role.OWNER), Millis(0))[0]
        == "ben hat ben zum Besitzer gemacht"
    )
    assert event_sentence(BEN, Joined(), Millis(0))[0] == "ben ist beigetreten"
