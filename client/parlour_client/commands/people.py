"""Commands for people: see their profiles, ignore them, and set one's own presence."""

from typing import Annotated

from parlour_client.commands.command import Call, Elsewhere, Kind, Person, Takes, command
from parlour_client.commands.results import Done, IgnoredListed, PersonShown
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.names import UserName
from parlour_protocol.rooms import Status

_KEPT_HERE = Elsewhere(N_("It only changes what a chat shows."))
_WHILE_OPEN = Elsewhere(N_("It only lasts while a chat is open."))


@command("whois", aliases=("wi", "profile"), cli=Elsewhere("parlour room members"))
async def whois(
    call: Call, user: Annotated[UserName | None, Takes(Kind.PERSON, "PERSON")] = None
) -> PersonShown:
    """Show someone's profile."""
    peer = call.room.peer if user is None and call.room is not None else None
    who = user or peer
    if who is None:
        raise SetupError(_("Write /whois PERSON."))
    return PersonShown(await call.client.people.profile(who))


@command("ignore", aliases=("ig",), cli=_KEPT_HERE)
async def ignore(call: Call, user: Person) -> Done:
    """Hide someone's messages, on this device only."""
    await call.client.people.ignore(user)
    return Done(
        _(
            "Ignoring {user}. Their messages are hidden on this device only; /unignore {user} undoes it."
        ).format(user=user)
    )


@command("unignore", undoes="ignore", cli=_KEPT_HERE)
async def unignore(call: Call, user: Person) -> Done:
    """Show someone's messages again."""
    await call.client.people.ignore(user, on=False)
    return Done(_("You see {user}'s messages again.").format(user=user))


@command("ignored", cli=_KEPT_HERE)
async def ignored(call: Call) -> IgnoredListed:
    """List the people you ignore."""
    return IgnoredListed(sorted(call.client.people.ignored))


@command("away", cli=_WHILE_OPEN)
async def away(call: Call) -> None:
    """Show others that you are away."""
    await call.client.people.set_status(Status.AWAY)


@command("back", undoes="away", cli=_WHILE_OPEN)
async def back(call: Call) -> None:
    """Show others that you are back."""
    await call.client.people.set_status(Status.ONLINE)
