"""Sentences about witnesses of the key log, the same in every front end."""

from collections.abc import Iterator, Sequence

from parlour_client.core.e2ee.identity.witnesses import Witness
from parlour_client.kit.language import _, ngettext
from parlour_client.text.date_text import day_and_time


def witness_lines(witnesses: Sequence[Witness], add: str) -> Iterator[str]:
    """Say what each witness has signed, or how to want one."""
    for one in witnesses:
        name, behind = one.key.name, one.behind
        if not one.size:
            signed = _("{name} has signed nothing that the server shows.").format(name=name)
        else:
            signed = ngettext(
                "{name} signed {count} entry at {when}.", "{name} signed {count} entries at {when}.", one.size
            ).format(name=name, count=one.size, when=day_and_time(one.at))
        if behind is None:
            yield signed
        else:
            since = _("Since {when} it has not signed all of what is here.").format(
                when=day_and_time(behind.since)
            )
            yield f"{signed} {since}"
    if not witnesses:
        yield _("You want no witness of the key log. {add} adds one.").format(add=add)
