"""Commands for one's account: where it is logged in, logging in and out, its passwords."""

from typing import Annotated

from parlour_client.commands.command import (
    SHELL,
    Call,
    Elsewhere,
    Kind,
    On,
    Session,
    Takes,
    command,
)
from parlour_client.commands.front import Front
from parlour_client.commands.results import (
    Done,
    LoginWanted,
    SessionsListed,
    SettingChosen,
)
from parlour_client.commands.values import read_number
from parlour_client.kit.errors import SetupError
from parlour_client.kit.language import N_, _
from parlour_protocol.kit.ids import SessionId


@command(
    "sessions", cli="sessions", json=True, examples=("sessions", "sessions --end 3kTMd1AJmf6Grr0dzZOy9w")
)
async def sessions(
    call: Call,
    *,
    end: Annotated[str | None, Takes(Kind.SESSION, "ID", N_("End the session ID."), fronts=SHELL)] = None,
) -> SessionsListed | Done:
    """List where you are logged in, or end one of these sessions."""
    return (
        await end_session(call, end) if end is not None else SessionsListed(await call.client.sessions.all())
    )


@command(ui=Elsewhere(N_("x in /sessions.")), line="sessions end", cli=Elsewhere("parlour sessions --end ID"))
async def end_session(call: Call, session: Session) -> Done:
    """End a session, by its number in /sessions."""
    which = session
    if call.front is Front.LINE:
        listed = await call.client.sessions.all()
        which = listed[read_number(session, most=len(listed), what=_("a session")) - 1].id
    await call.client.sessions.end(SessionId(which))
    return Done(_("The session has ended."))


@command("reconnect", cli=Elsewhere(N_("Every command connects on its own.")))
async def reconnect(call: Call) -> LoginWanted | None:
    """Try to connect now."""
    if call.client.connection.status.session_ended:
        return LoginWanted()
    call.client.connection.retry_now()
    return None


@command("login", cli=Elsewhere("parlour login ADDRESS --username NAME"))
async def login(call: Call) -> LoginWanted:
    """Log in again after your session has ended; what is queued is sent then."""
    if not call.client.connection.status.session_ended:
        raise SetupError(_("You are already logged in."))
    return LoginWanted()


@command(
    "typing",
    line=Elsewhere(N_("Others only see a line once you send it.")),
    cli=Elsewhere(N_("the setting `typing`")),
)
async def typing(call: Call, *, on: On) -> SettingChosen:
    """Let others see when you are typing (off by default)."""
    del call
    return SettingChosen("typing", on is True)
