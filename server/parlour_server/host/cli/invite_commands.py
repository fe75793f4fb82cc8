"""`invite`: create, list and revoke invite links."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from parlour_server.host.cli.command_options import (
    When,
    command,
    data_option,
    example,
    folder_of,
    json_option,
    program,
    say,
    settings_of,
    shown_time,
    tell,
    with_store,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from parlour_protocol.kit.ids import Millis
    from parlour_protocol.kit.invite_link import InviteLink
    from parlour_protocol.kit.secret import Secret

_DAY = 86_400_000
_DEFAULT_DAYS = 7
_SHOWN = 12
_LONGEST_LINE = 200
_MOST_LINES = 10_000


@click.group()
def invite() -> None:
    """Create, list and revoke invite links."""


uses_option = click.option(
    "--uses",
    default=1,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="How many accounts the link can create.",
)
days_option = click.option(
    "--days", type=click.IntRange(1, 3650), help="Days until the link expires; default: 7."
)
expires_option = click.option(
    "--expires", type=When(), help="The same as a time: 12h, 3d, 2030-01-31. Not with --days."
)
role_option = click.option(
    "--role", metavar="ROLE", help="The role that the accounts get; which there are depends on the program."
)
address_option = click.option(
    "--address", metavar="HOST:PORT", help="The address in the link. Default: the server's own."
)
each_option = click.option(
    "--each",
    metavar="FILE",
    type=click.File(encoding="utf-8"),
    help="Create a link for each line of FILE (a name, an address; `-`: standard input); prints both.",
)
create_example = example(
    "$command invite create --data ~/$word --uses 5 --expires 3d\n"
    "$command invite create --data ~/$word --address $word.example.org:8443 --json\n"
    "$command invite create --data ~/$word --each newcomers.txt > links.tsv"
)


@invite.command(epilog=create_example)
@data_option
@uses_option
@days_option
@expires_option
@role_option
@address_option
@each_option
@json_option
def create(
    data: Path,
    uses: int,
    days: int | None,
    expires: "Millis | None",
    role: str | None,
    address: str | None,
    each: "TextIO | None",
    as_json: bool,  # noqa: FBT001 - click
) -> None:
    """Create an invite link. Anyone who has the link can use it, so send it privately."""
    create_invite(data, uses, days, expires, role, address, each=each, as_json=as_json)


def create_invite(
    data: Path,
    uses: int,
    days: int | None,
    expires: "Millis | None",
    role: str | None,
    address: str | None,
    *,
    each: "TextIO | None" = None,
    as_json: bool,
    text: "Callable[[InviteLink], str]" = str,
) -> None:
    """Create an invite, or one for each line of a file, and print its link, as ``text`` writes it."""
    from parlour_protocol.kit.ids import Millis  # noqa: PLC0415 - keeps `--help` quick
    from parlour_protocol.kit.secret import Secret  # noqa: PLC0415
    from parlour_server.core.clock import SystemClock  # noqa: PLC0415
    from parlour_server.core.store.records import InviteRecord  # noqa: PLC0415

    if days is not None and expires is not None:
        raise click.UsageError("Give --days or --expires, not both.")
    if role is not None and role not in program().invite_roles:
        known = ", ".join(program().invite_roles)
        raise click.UsageError(f"--role is one of {known}." if known else "Invites have no roles here.")
    now = SystemClock().now()
    end = expires or Millis(now + (days or _DEFAULT_DAYS) * _DAY)
    lines = None if each is None else _lines(each)
    codes = [Secret.random() for _ in lines or ("",)]
    records = [InviteRecord(code.digest(), uses, now, end, role or "") for code in codes]
    links = [text(link) for link in _links(data, codes, address)]
    invite = records[0].digest.hex()[:_SHOWN] if lines is None else f"{len(records)} invites"
    with_store(
        data, lambda store: store.accounts.add_invite(*records),
        did="invite create", invite=invite, uses=str(uses), expires=shown_time(end), role=role or "none",
    )  # fmt: skip
    made = [{"link": link, "uses": uses, "expires": end, "role": role} for link in links]
    if lines is None:
        tell(made[0], links[0], as_json=as_json)
    elif as_json:
        say([{"for": line, **one} for line, one in zip(lines, made, strict=True)])
    else:
        for line, link in zip(lines, links, strict=True):
            click.echo(f"{line}\t{link}")


def _lines(file: "TextIO") -> list[str]:
    """Return whom the links are for: the lines of a file, without empty ones. Raises UsageError."""
    found: list[str] = []
    try:
        for number, line in enumerate(file, start=1):
            text = line.strip()
            if len(text) > _LONGEST_LINE or not text.isprintable():
                raise click.UsageError(
                    f"Line {number} of {file.name} is longer than {_LONGEST_LINE} characters, or has control"
                    " characters in it; write a name or an address on each line."
                )
            if text:
                found.append(text)
            if len(found) > _MOST_LINES:
                raise click.UsageError(f"{file.name} has more than {_MOST_LINES:,} lines; split it.")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{file.name} is not UTF-8.") from error
    if not found:
        raise click.UsageError(f"{file.name} is empty; write a name or an address on each line.")
    return found


@invite.command("list", epilog=example("$command invite list --data ~/$word"))
@data_option
@json_option
def list_(data: Path, as_json: bool) -> None:  # noqa: FBT001 - click
    """List invites that can still be used. Only digests of their codes are stored."""
    records = with_store(data, lambda store: store.accounts.list_invites(), did=None)
    rows = [
        {
            "id": r.digest.hex()[:_SHOWN],
            "uses": r.uses,
            "created": r.created,
            "expires": r.expires,
            "role": r.role or None,
        }
        for r in records
    ]
    if as_json:
        say(rows)
        return
    for row, record in zip(rows, records, strict=True):
        role = f"  as {record.role}" if record.role else ""
        click.echo(f"{row['id']}  {record.uses} left  until {shown_time(record.expires)}{role}")


@invite.command(epilog=example("$command invite revoke --data ~/$word 3fa94c0d11e2"))
@data_option
@json_option
@click.argument("which")
def revoke(data: Path, which: str, as_json: bool) -> None:  # noqa: FBT001 - click
    """Revoke an invite. WHICH is its id from `invite list`, or the whole link."""
    from parlour_protocol.kit.invite_link import InviteLink  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.core.errors import SetupError  # noqa: PLC0415
    from parlour_server.core.kit_store import KitStore  # noqa: PLC0415

    wanted, app = which.strip().lower(), program()
    if which.startswith(f"{app.name.word}:"):
        link, _ = InviteLink.parse_with(which, app.link_fields, app.name.word)
        wanted = link.code.digest().hex()

    async def work(store: KitStore) -> None:
        found = [r for r in await store.accounts.list_invites() if r.digest.hex().startswith(wanted)]
        if len(wanted) < _SHOWN or len(found) != 1:  # a part of an id could be another invite's
            raise SetupError(f"there is no such invite; `{command()} invite list` shows all")
        await store.accounts.revoke_invite(found[0].digest)

    with_store(data, work, did="invite revoke", invite=wanted[:_SHOWN])
    tell({"id": wanted[:_SHOWN], "revoked": True}, "revoked", as_json=as_json)


def _links(data: Path, codes: "Sequence[Secret]", address: str | None) -> "list[InviteLink]":
    from parlour_protocol.kit.invite_link import InviteLink, ServerAddress  # noqa: PLC0415 - keeps `--help` quick
    from parlour_server.host.setup.certificate_state import keeps_key  # noqa: PLC0415
    from parlour_server.host.setup.certificates import pin_of, read_certificate  # noqa: PLC0415
    from parlour_server.host.setup.public_address import reachable_at, running, unknown_port  # noqa: PLC0415

    folder = folder_of(data)
    if address is None and running(folder) is None:
        click.echo(
            "no server is running on this folder, so the link uses the address from the configuration",
            err=True,
        )
    settings = settings_of(folder)
    if address is None and (warning := unknown_port(folder, settings)) is not None:
        click.echo(warning, err=True)
    server = ServerAddress.parse(address) if address else reachable_at(folder, settings)
    leaf = read_certificate(folder.certificate)
    # Another program may renew a certificate with a new key, and links with its pin would break.
    pin = pin_of(leaf) if keeps_key(folder, leaf) else None
    return [InviteLink(server, code, pin, program().name.word) for code in codes]
