"""Contents of our own words and of others' text."""

from parlour_client.kit.widgets.safe import filled, own, peer_line


def test_a_sentence_is_filled_where_its_translation_has_the_fields() -> None:
    """In any order, with the others' text kept inside its own style."""
    user, room = peer_line("ann\u202ea", style="bold"), own("attic")
    whole = filled("{user} invites you to {room}.", user=user, room=room)
    assert whole.plain == "ann⟦U+202E⟧a invites you to attic."
    turned = filled("In {room}: {user}", "dim", user=user, room=room)
    assert turned.plain == "In attic: ann⟦U+202E⟧a"
    assert [(span.start, span.end, str(span.style)) for span in turned.spans][:2] == [
        (0, 3, "$dim"),
        (8, 10, "$dim"),
    ]


def test_others_text_with_braces_is_no_field() -> None:
    """It is never looked at for fields."""
    assert filled("{user}!", user=peer_line("{room}")).plain == "{room}!"
